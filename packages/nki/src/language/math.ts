/**
 * `nl`: element-wise functions on tiles. Each allocates its result in SBUF and issues one instruction, the one that NKI's own
 * nl function stands for: a tile and a tile go to tensor_tensor, a tile and a number or (P, 1) column to tensor_scalar, functions of
 * one tile to activation. Every function is also the value of an `op` parameter.
 */
import {
  type ActivationName,
  type AluName,
  activationNames,
  aluNames,
  aluOps,
  type DType,
} from "@opentrn/numerics";
import { ndarray } from "./create.ts";
import { type Camel, camel } from "./names.ts";
import { issue } from "./nisa.ts";
import type { ActivationOperation, AluOperation } from "./operations.ts";
import type { Tensor } from "./tensor.ts";
import { stop, tracing } from "./trace.ts";

export interface ResultOptions {
  /** Type of the result; default: that of the first tile. */
  readonly dtype?: DType;
}

/** ALU operations that ignore their second operand. */
type UnaryAlu = "bypass" | "abs" | "square" | "relu" | "rsqrt" | "reciprocal" | "invert";
type BinaryAlu = Exclude<AluName, UnaryAlu>;
type Operand = Tensor | number;

export type BinaryFunction<N extends BinaryAlu> = AluOperation<N> &
  ((x: Operand, y: Operand, options?: ResultOptions) => Tensor);
export type UnaryFunction<N extends ActivationName> = ActivationOperation<N> &
  (N extends AluName ? AluOperation<N> : unknown) &
  ((x: Tensor, options?: ResultOptions) => Tensor);

export type MathFunctions = {
  readonly [N in BinaryAlu as Camel<N>]: BinaryFunction<N>;
} & { readonly [N in ActivationName as Camel<N>]: UnaryFunction<N> } & {
  readonly bypass: AluOperation<"bypass">;
  readonly invert: AluOperation<"invert">;
};

type Method = (...args: never[]) => Tensor;

/** A column holds one value per partition, which tensor_scalar broadcasts along the row. */
const isColumn = (t: Tensor, of: Tensor): boolean => t.size === t.shape[0] && of.size !== t.size;

function binary(name: string): Method {
  const apply = (x: Operand, y: Operand, options: ResultOptions = {}): Tensor =>
    tracing(apply).at(apply, () => {
      const [first, second, reverse0] =
        typeof x === "number" || (typeof y !== "number" && isColumn(x, y))
          ? [y, x, true]
          : [x, y, false];
      if (typeof first === "number")
        return stop(apply, `nl.${name}`, `nl.${name}: both operands are numbers; one is a tile`);
      const dst = ndarray(first.shape, { dtype: options.dtype ?? first.dtype });
      if (typeof second === "number" || isColumn(second, first))
        issue("tensorScalar", { dst, data: first, op0: name, operand0: second, reverse0 });
      else issue("tensorTensor", { dst, data1: first, data2: second, op: name });
      return dst;
    });
  return apply;
}

function unary(name: string): Method {
  const apply = (x: Tensor, options: ResultOptions = {}): Tensor =>
    tracing(apply).at(apply, () => {
      const dst = ndarray(x.shape, { dtype: options.dtype ?? x.dtype });
      issue("activation", { dst, op: name, data: x });
      return dst;
    });
  return apply;
}

function functions(): Record<string, Method | AluOperation> {
  const made: Record<string, Method | AluOperation> = {};
  for (const alu of aluNames)
    made[camel(alu)] = aluOps[alu].arity === 2 ? Object.assign(binary(alu), { alu }) : { alu };
  for (const activation of activationNames) {
    const alu = made[camel(activation)];
    made[camel(activation)] = Object.assign(unary(activation), alu ?? {}, { activation });
  }
  return made;
}

export const math = functions() as unknown as MathFunctions;
