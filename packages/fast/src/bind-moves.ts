/** Binders of instructions that move data or multiply matrices. */
import { bytesOf, encode, isInteger } from "@opentrn/numerics";
import { type Binder, flag, onBits, step } from "./binder.ts";
import { NoFastPath } from "./operands.ts";

const copy: Binder = (o, k, r) => {
  const [dst, src] = [o.tile("dst"), o.tile("src")];
  return step(r.op.name, () => k.exports.copy(dst, src));
};

export const moves: Readonly<Record<string, Binder>> = {
  dma_copy: copy,
  tensor_copy: copy,
  memset: (o, k, r) => {
    const dst = o.tile("dst");
    const { dtype } = o.shape("dst");
    const value = r.call.immediate["value"] ?? 0;
    const bits = isInteger(dtype)
      ? Number(BigInt.asUintN(8 * bytesOf(dtype), BigInt(value)))
      : dtype.endsWith("_x4")
        ? 0
        : encode(value, dtype);
    return step("memset", () => k.exports.fill(dst, bits));
  },
  nc_matmul: (o, k, r) => {
    const [dst, stationary, moving] = [o.tile("dst"), o.tile("stationary"), o.tile("moving")];
    if (onBits(r)) {
      const [s, d] = [o.shape("stationary"), o.shape("dst")];
      if (s.free !== d.partitions || d.free !== s.partitions) throw new NoFastPath();
      return step("nc_matmul", () => k.exports.transpose(dst, stationary));
    }
    const rows = o.attr["perf_mode"] === "double_row" ? 2 : 1;
    const accumulate = flag(o.attr["accumulate"]);
    return step("nc_matmul", () => k.exports.matmul(dst, stationary, moving, rows, accumulate));
  },
  nc_matmul_mx: (o, k) => {
    const [dst, stationary, moving] = [o.tile("dst"), o.tile("stationary"), o.tile("moving")];
    const [left, right] = [o.tile("stationary_scale"), o.tile("moving_scale")];
    const accumulate = flag(o.attr["accumulate"]);
    return step("nc_matmul_mx", () =>
      k.exports.matmulMx(dst, stationary, moving, left, right, accumulate),
    );
  },
  quantize_mx: (o, k) => {
    const [dst, src, scale] = [o.tile("dst"), o.tile("src"), o.tile("dst_scale")];
    return step("quantize_mx", () => k.exports.quantizeMx(dst, src, scale));
  },
  nc_transpose: (o, k, r) => {
    if (!onBits(r)) throw new NoFastPath();
    const [dst, data] = [o.tile("dst"), o.tile("data")];
    return step("nc_transpose", () => k.exports.transpose(dst, data));
  },
  dma_transpose: (o, k) => {
    const { shape } = o.shape("src");
    const flat = shape.filter((n) => n !== 1).length <= 2 && shape[0] !== 1 && shape.at(-1) !== 1;
    const [dst, src] = [o.tile("dst"), flat ? o.tile("src") : o.turned("src")];
    return flat
      ? step("dma_transpose", () => k.exports.transpose(dst, src))
      : step("dma_transpose", () => k.exports.copy(dst, src));
  },
  tensor_copy_predicated: (o, k, r) => {
    if (r.operands["src"]?.kind !== "tile") throw new NoFastPath();
    const [dst, src, predicate] = [o.tile("dst"), o.tile("src"), o.tile("predicate")];
    const reverse = flag(o.attr["reverse_pred"]);
    return step("tensor_copy_predicated", () =>
      k.exports.copyPredicated(dst, src, predicate, reverse),
    );
  },
};
