/**
 * 2-D convolution [channels, H, W] with [out, channels, f, f], no padding, as f * f matmuls a tile of channels: a strip of image rows
 * stays in SBUF and each filter position multiplies a shifted view of it. Two output rows share a PSUM bank; with `pool`, VectorE keeps
 * the largest of each 2 x 2 outputs when it empties the bank.
 */
import { kernel, nisa, nl, type Tensor } from "opentrn";
import { at, type Case, evictor, output, psum, range, sbuf, setting, size } from "./case.ts";

const [P, ROWS] = [128, 2];

/** The largest of each 2 x 2 values of a bank [P, 2, w]. */
function pooled(bank: Tensor, dtype: Tensor["dtype"]): Tensor {
  const half = bank.shape[2]! / 2;
  const dst = sbuf([P, half], dtype);
  const squares = bank.reshape([P, ROWS, half, 2]).permute([0, 2, 1, 3]);
  nisa.tensorReduce({ dst, op: nl.maximum, data: squares, axis: [2, 3] });
  return dst;
}

/** `scalar`: whether ScalarE can help emptying PSUM; on trn1 only VectorE copies. */
const conv = kernel("conv2d", (image: Tensor, weights: Tensor, scalar: boolean, pool: boolean) => {
  const [channels, H, W] = image.shape as [number, number, number];
  const [f, , , out] = weights.shape as [number, number, number, number];
  const [h, w] = [H - f + 1, W - f + 1];
  const result = output(pool ? [out, h / ROWS, w / 2] : [out, h, w], image.dtype);
  const inputs = range(channels / P);
  const kept = inputs.map((c) => {
    const tile = sbuf([P, f, f, out], image.dtype);
    nisa.dmaCopy({ dst: tile, src: weights.slice(":", ":", at(c, P)).permute([2, 0, 1, 3]) });
    return tile;
  });
  for (const y of range(h / ROWS)) {
    const strips = inputs.map((c) => {
      const strip = sbuf([P, ROWS + f - 1, W], image.dtype);
      nisa.dmaCopy({ dst: strip, src: image.slice(at(c, P), [y * ROWS, y * ROWS + ROWS + f - 1]) });
      return strip;
    });
    for (const o of range(out / P)) {
      const bank = psum([P, ROWS, w]);
      for (const c of inputs)
        for (const i of range(f))
          for (const j of range(f))
            nisa.ncMatmul({
              dst: bank,
              stationary: kept[c]!.slice(":", i, j, at(o, P)),
              moving: strips[c]!.slice(":", [i, i + ROWS], [j, j + w]),
            });
      if (pool) {
        nisa.dmaCopy({ dst: result.slice(at(o, P), y), src: pooled(bank, image.dtype) });
        continue;
      }
      const tile = sbuf([P, ROWS, w], image.dtype);
      nisa.tensorCopy({ dst: tile, src: bank, engine: scalar ? evictor(o) : "vector" });
      nisa.dmaCopy({ dst: result.slice(at(o, P), [y * ROWS, (y + 1) * ROWS]), src: tile });
    }
  }
  return result;
});

export const cases = {
  conv: ((row) => {
    const [channels, out, f] = [
      size(row, "in_ch"),
      size(row, "out_ch"),
      row.shapes["filter0"] ?? 3,
    ];
    const { image, image0 = image, image1 = image } = row.shapes;
    const [H, W] = [image0 ?? 224, image1 ?? 224];
    const { dtype } = row;
    return [
      {
        kernel: conv,
        inputs: {
          image: { shape: [channels, H, W], dtype },
          weights: { shape: [f, f, channels, out], dtype },
        },
        args: { scalar: setting(row, "scalar", 1) === 1, pool: setting(row, "pool", 0) === 1 },
      },
    ];
  }) as Case,
};
