/** Binders of instructions that move data or multiply matrices. */
import { aluId, bytesOf, dtypeId, encode, isInteger } from "@opentrn/numerics";
import { type Binder, flag, NONE, onBits } from "./binder.ts";
import { call } from "./commands.ts";
import { NoFastPath } from "./operands.ts";

const copy: Binder = (o) => [call("copy", o.tile("dst"), o.tile("src"))];

/** dst = src0 + src1 + …, one fp32 rounding a sum, from zero; sums of more than two are kept in fp32 until the last. */
const sum: Binder = (o, r) => {
  const sources: number[] = [];
  while (o.has(`src${sources.length}`)) sources.push(o.tile(`src${sources.length}`));
  const elements = o.shape("dst").partitions * o.shape("dst").free;
  const zero = o.constant(0, [elements]);
  const [first, second, ...others] = sources as [number, ...number[]];
  const last = others.length === 0;
  const sums = last
    ? o.tile("dst")
    : r.area.descriptor(r.area.scratch(4 * elements), dtypeId.float32, [[4, elements]]);
  const add = (dst: number, data: number, a: number, b: number | undefined) =>
    call("pipeline", dst, data, ...plus(a), ...plus(b), NONE, 0, NONE, 0, 0);
  return [
    add(sums, first, zero, second),
    ...others.map((s, n) =>
      add(n === others.length - 1 ? o.tile("dst") : sums, sums, s, undefined),
    ),
  ];
};

const plus = (operand: number | undefined): readonly number[] =>
  operand === undefined ? [NONE, 0, 0] : [aluId.add, operand, 0];

export const moves: Readonly<Record<string, Binder>> = {
  dma_copy: copy,
  dma_compute: sum,
  tensor_copy: copy,
  memset: (o, r) => {
    const { dtype } = o.shape("dst");
    const value = r.call.immediate["value"] ?? 0;
    const bits = isInteger(dtype)
      ? Number(BigInt.asUintN(8 * bytesOf(dtype), BigInt(value)))
      : dtype.endsWith("_x4")
        ? 0
        : encode(value, dtype);
    return [call("fill", o.tile("dst"), bits)];
  },
  nc_matmul: (o, r) => {
    const [dst, stationary, moving] = [o.tile("dst"), o.tile("stationary"), o.tile("moving")];
    if (onBits(r)) {
      const [s, d] = [o.shape("stationary"), o.shape("dst")];
      if (s.free !== d.partitions || d.free !== s.partitions) throw new NoFastPath();
      return [call("transpose", dst, stationary)];
    }
    const rows = o.attr["perf_mode"] === "double_row" ? 2 : 1;
    return [call("matmul", dst, stationary, moving, rows, flag(o.attr["accumulate"]))];
  },
  nc_matmul_mx: (o) => {
    const [dst, stationary, moving] = [o.tile("dst"), o.tile("stationary"), o.tile("moving")];
    const [left, right] = [o.tile("stationary_scale"), o.tile("moving_scale")];
    return [call("matmulMx", dst, stationary, moving, left, right, flag(o.attr["accumulate"]))];
  },
  quantize_mx: (o) => [call("quantizeMx", o.tile("dst"), o.tile("src"), o.tile("dst_scale"))],
  nc_transpose: (o, r) => {
    if (!onBits(r)) throw new NoFastPath();
    return [call("transpose", o.tile("dst"), o.tile("data"))];
  },
  dma_transpose: (o) => {
    const { shape } = o.shape("src");
    const flat = shape.filter((n) => n !== 1).length <= 2 && shape[0] !== 1 && shape.at(-1) !== 1;
    return [call(flat ? "transpose" : "exchange", o.tile("dst"), o.tile("src"))];
  },
  tensor_copy_predicated: (o, r) => {
    const dst = o.shape("dst");
    const number = r.operands["src"]?.kind !== "tile";
    if (number && dst.dtype.endsWith("_x4")) throw new NoFastPath();
    const src = number
      ? r.area.descriptor(
          r.area.bits(encode(Math.fround(r.call.immediate["src"] ?? 0), dst.dtype)),
          dtypeId[dst.dtype],
          dst.shape.map((n) => [0, n] as const),
        )
      : o.tile("src");
    const reverse = flag(o.attr["reverse_pred"]);
    return [call("copyPredicated", o.tile("dst"), src, o.tile("predicate"), reverse)];
  },
};
