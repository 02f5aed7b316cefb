/**
 * `nl`: element-wise functions on tiles, lowered as the Python package lowers them: a tile and a tile go to tensor_tensor, a tile and a
 * number or a float32 column to tensor_scalar, functions of one tile to activation. Results are new tiles in SBUF. Every function is
 * also the value of an `op` parameter.
 */
import {
  type ActivationName,
  type AluName,
  activationNames,
  aluNames,
  aluOps,
  bytesOf,
  type DType,
  isFloat,
} from "@opentrn/numerics";
import { ndarray } from "./create.ts";
import { type Camel, camel } from "./names.ts";
import { issue } from "./nisa.ts";
import type { ActivationOperation, AluOperation } from "./operations.ts";
import { Tensor } from "./tensor.ts";
import { type Entry, stop, tracing } from "./trace.ts";

export interface ResultOptions {
  /** Type of the result; default: that of the tile, or the one that holds both tiles' values. */
  readonly dtype?: DType;
}

/** ALU operations that ignore their second operand. */
type UnaryAlu = "bypass" | "abs" | "square" | "relu" | "rsqrt" | "reciprocal" | "invert";
type BinaryAlu = Exclude<AluName, UnaryAlu>;
/** Values of `op` parameters that are no functions here: their instruction takes more than a tile, or needs its argument reduced. */
type ValueOnly = "bypass" | "prelu" | "sin";
type UnaryName = Exclude<ActivationName | "invert", ValueOnly>;
type Operand = Tensor | number;

type Value<N> = (N extends AluName ? AluOperation<N> : unknown) &
  (N extends ActivationName ? ActivationOperation<N> : unknown);
export type BinaryFunction<N extends BinaryAlu> = AluOperation<N> &
  ((x: Operand, y: Operand, options?: ResultOptions) => Tensor);
export type UnaryFunction<N extends UnaryName> = Value<N> &
  ((x: Tensor, options?: ResultOptions) => Tensor);

export type MathFunctions = { readonly [N in BinaryAlu as Camel<N>]: BinaryFunction<N> } & {
  readonly [N in UnaryName as Camel<N>]: UnaryFunction<N>;
} & { readonly [N in ValueOnly]: Value<N> };

type Method = (...args: never[]) => Tensor;

/** The type that holds both: floats before integers, then the wider one, float32 for two 16-bit floats of different kind. */
export function promote(a: DType, b: DType): DType {
  if (a === b) return a;
  if (isFloat(a) !== isFloat(b)) return isFloat(a) ? a : b;
  if (bytesOf(a) !== bytesOf(b)) return bytesOf(a) > bytesOf(b) ? a : b;
  return isFloat(a) ? "float32" : a.startsWith("int") ? a : b;
}

/** A column holds one value per partition, which tensor_scalar broadcasts along the row. */
const isColumn = (t: Tensor, of: Tensor): boolean =>
  t.shape[0] === of.shape[0] && t.size === t.shape[0] && of.size !== t.size;

/** `t` itself, or its copy in SBUF where it lies in PSUM. */
export function inSbuf(t: Tensor): Tensor {
  if (t.space !== "psum") return t;
  const dst = ndarray(t.shape, { dtype: t.dtype });
  issue("tensorCopy", { dst, src: t });
  return dst;
}

/** `t` in `shape`: dimensions of one element repeat, the partition dimension never. */
function spread(entry: Entry, name: string, t: Tensor, shape: readonly number[]): Tensor {
  if (t.ndim !== shape.length || t.shape.some((n, d) => n !== shape[d] && (n !== 1 || d === 0)))
    stop(
      entry,
      `nl.${name}`,
      `nl.${name}: ${t.describe()} does not fit [${shape}]; free dimensions of one element repeat, others are equal`,
    );
  return t.shape.reduce((v, n, d) => (n === shape[d] ? v : v.broadcast(d, shape[d]!)), t);
}

function binary(name: AluName): Method {
  const tiles = (x: Tensor, y: Tensor, dtype: DType | undefined): Tensor => {
    const right = x.space === "psum" ? inSbuf(y) : y;
    const shape = x.shape.map((n, d) => (n === 1 ? (right.shape[d] ?? n) : n));
    const dst = ndarray(shape, { dtype: dtype ?? promote(x.dtype, right.dtype) });
    const scalar = (data: Tensor, operand0: Tensor, reverse0: boolean): Tensor => {
      issue("tensorScalar", { dst, data, op0: name, operand0, reverse0 });
      return dst;
    };
    const column = (t: Tensor, of: Tensor): boolean =>
      name !== "power" && t.dtype === "float32" && isColumn(t, of);
    if (column(right, x)) return scalar(x, right, false);
    if (column(x, right)) return scalar(right, x, true);
    const [data1, data2] = [x, right].map((t) => spread(apply, name, t, shape));
    issue("tensorTensor", { dst, data1, data2, op: name });
    return dst;
  };
  const apply = (x: Operand, y: Operand, { dtype }: ResultOptions = {}): Tensor =>
    tracing(apply).at(apply, () => {
      if (x instanceof Tensor && y instanceof Tensor) return tiles(x, y, dtype);
      const [data, operand0, reverse0] = x instanceof Tensor ? [x, y, false] : [y, x, true];
      if (!(data instanceof Tensor))
        return stop(apply, `nl.${name}`, `nl.${name}: both operands are numbers; one is a tile`);
      const dst = ndarray(data.shape, { dtype: dtype ?? data.dtype });
      issue("tensorScalar", { dst, data, op0: name, operand0, reverse0 });
      return dst;
    });
  return apply;
}

type Lowering = (dst: Tensor, x: Tensor) => void;
const oneTileAlu =
  (op0: AluName): Lowering =>
  (dst, data) =>
    issue("tensorScalar", { dst, data, op0 });

/** Functions of one tile that do not go to ScalarE. */
const lowerings: Readonly<Record<string, Lowering>> = {
  abs: oneTileAlu("abs"),
  invert: oneTileAlu("invert"),
  rsqrt: oneTileAlu("rsqrt"),
  reciprocal: (dst, data) => issue("reciprocal", { dst, data }),
  copy: (dst, src) => issue("tensorCopy", { dst, src }),
};

function unary(name: string): Method {
  const lower = lowerings[name] ?? ((dst, data) => issue("activation", { dst, op: name, data }));
  const apply = (x: Tensor, options: ResultOptions = {}): Tensor =>
    tracing(apply).at(apply, () => {
      const source = name === "rsqrt" ? inSbuf(x) : x;
      const dst = ndarray(x.shape, { dtype: options.dtype ?? x.dtype });
      lower(dst, source);
      return dst;
    });
  return apply;
}

const valueOnly: readonly string[] = ["bypass", "prelu", "sin"] satisfies ValueOnly[];

function functions(): Record<string, object> {
  const made: Record<string, object> = {};
  for (const alu of aluNames) {
    const call = aluOps[alu].arity === 2 ? binary(alu) : alu === "invert" ? unary(alu) : {};
    made[camel(alu)] = Object.assign(call, { alu });
  }
  for (const activation of activationNames) {
    const call = valueOnly.includes(activation) ? {} : unary(activation);
    made[camel(activation)] = Object.assign(call, made[camel(activation)], { activation });
  }
  return made;
}

export const math = functions() as unknown as MathFunctions;
