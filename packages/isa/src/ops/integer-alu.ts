/** Which element-wise calls work on raw bits (bitvec, exact 32-bit integers of GpSimd) and the function they apply. */
import {
  type AluName,
  aluOp,
  bytesOf,
  type DType,
  type IntegerOpName,
  integerOps,
} from "@opentrn/numerics";
import type { Tile } from "../define.ts";

/** Whether `op` on these tiles is exact integer arithmetic: all tiles of one 32-bit integer type. */
export const exactIntegerAlu = (op: AluName, tiles: readonly (Tile | undefined)[]): boolean => {
  const d = tiles[0]?.dtype;
  return (
    (d === "int32" || d === "uint32") && tiles.every((t) => t?.dtype === d) && op in integerOps
  );
};

/** The function on zero-extended raw bits of `dtype` for a bitvec or exact integer operation. */
export function integerFunction(op: AluName, dtype: DType): (a: number, b: number) => number {
  const row = aluOp(op);
  if (row.class === "bitvec") return (a, b) => row.evaluate(a, b, 8 * bytesOf(dtype));
  const exact: (a: number, b: number, signed: boolean) => number = integerOps[op as IntegerOpName];
  return (a, b) => exact(a, b, dtype === "int32");
}

/** The function on fp32 values of an arithmetic operation. */
export function floatFunction(op: AluName): (a: number, b: number) => number {
  const row = aluOp(op);
  return (a, b) => row.evaluate(a, b, 32);
}
