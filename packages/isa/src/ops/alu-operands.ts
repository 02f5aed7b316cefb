/** How instructions apply ALU operations to a stream with a number or one value a partition on the other side. */
import { type AluName, aluOp, bytesOf, type DType, isBitvec } from "@opentrn/numerics";
import type { AnyCall, OperandData } from "../define.ts";
import { floatFunction, integerFunction } from "./integer-alu.ts";
import { columnAt } from "./shapes.ts";

type Binary = (a: number, b: number) => number;

/** f(x, operand), or f(operand, x) when reversed (one-operand operations have no order); `op` undefined passes x through. */
export function applied(op: AluName | undefined, reverse: boolean, dtype: DType): Binary {
  if (op === undefined) return (x) => x;
  const f = isBitvec(op) ? integerFunction(op, dtype) : floatFunction(op);
  return reverse && aluOp(op).arity === 2 ? (x, s) => f(s, x) : f;
}

/** The operand's value in each partition: its column, its number rounded to fp32, or 0. */
export function perPartition(
  call: Pick<AnyCall, "tile" | "immediate">,
  data: Readonly<Record<string, OperandData>>,
  name: string,
): (p: number) => number {
  const column = call.tile[name] && data[name];
  if (column) return (p) => columnAt(column, p);
  const value = Math.fround(call.immediate[name] ?? 0);
  return () => value;
}

/** The same for raw bits of `dtype`: numbers as two's complement. */
export function bitsPerPartition(
  call: Pick<AnyCall, "tile" | "immediate">,
  data: Readonly<Record<string, OperandData>>,
  name: string,
  dtype: DType,
): (p: number) => number {
  const column = call.tile[name] && data[name];
  if (column) return (p) => columnAt(column, p);
  const size = 8 * bytesOf(dtype);
  const value = (call.immediate[name] ?? 0) >>> 0;
  const bits = size === 32 ? value : value % 2 ** size;
  return () => bits;
}
