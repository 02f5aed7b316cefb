/**
 * out = x w on NeuronCore-v4 for bf16 x [tokens, features], quantised to MXFP8 on the way, and weights that come packed: values
 * [features / 512, 128, columns] of four elements each, feature 512 c + 4 p + j in element j of row (c, p), and scales
 * [features / 512, 16, columns], one for 8 rows x 4 elements. A matmul contracts 512 features.
 */
import { kernel, nisa, nl, type Range, type Tensor } from "opentrn";
import { BANK, hbm, P, psum, sbuf } from "./tiles.ts";

/** Features that 128 partitions of packed values hold. */
const CHUNK = 4 * P;
const QUADRANT = 32;
/** Scale rows in each quadrant: one for 8 partitions. */
const SCALES = 4;

/** A packed tile and its scales, the latter in the first partitions of each quadrant. */
interface Packed {
  readonly values: Tensor;
  readonly scales: Tensor;
}

/** 128 tokens of x, quantised: [128, features / 512, 128]. */
function quantise(x: Tensor, rows: Range): Packed {
  const chunks = x.shape[1]! / CHUNK;
  const source = sbuf([P, chunks, P, 4], x.dtype);
  for (let c = 0; c < chunks; c++)
    nisa.dmaCopy({
      dst: source.slice(":", c),
      src: x
        .slice(rows, [c * CHUNK, (c + 1) * CHUNK])
        .reshape([P, P, 4])
        .permute([1, 0, 2]),
    });
  const values = sbuf([P, chunks, P], "float8_e4m3fn_x4");
  const scales = sbuf([P, chunks, P], "uint8");
  nisa.quantizeMx({ dst: values, src: source, dstScale: scales });
  return { values, scales };
}

/** The packed weights of all chunks: [128, features / 512, columns]. */
function loadWeights(w: Tensor, scale: Tensor): Packed {
  const [chunks, , columns] = w.shape as [number, number, number];
  const values = sbuf([P, chunks, columns], w.dtype);
  const scales = sbuf([P, chunks, columns], scale.dtype);
  nisa.dmaCopy({ dst: values, src: w.permute([1, 0, 2]) });
  for (let quadrant = 0; quadrant < P / QUADRANT; quadrant++) {
    const [to, from] = [quadrant * QUADRANT, quadrant * SCALES];
    nisa.dmaCopy({
      dst: scales.slice([to, to + SCALES]),
      src: scale.slice(":", [from, from + SCALES]).permute([1, 0, 2]),
    });
  }
  return { values, scales };
}

export const mxMatmul = kernel("mx_matmul", (x: Tensor, w: Tensor, scale: Tensor) => {
  const tokens = x.shape[0]!;
  const [chunks, , columns] = w.shape as [number, number, number];
  const out = hbm([tokens, columns], x.dtype);
  const weights = loadWeights(w, scale);
  for (const rows of nl.tiles(tokens, P)) {
    const left = quantise(x, rows);
    const result = sbuf([P, columns], x.dtype);
    for (const part of nl.tiles(columns, BANK)) {
      const sums = psum([P, part[1] - part[0]]);
      for (let c = 0; c < chunks; c++)
        nisa.ncMatmulMx({
          dst: sums,
          stationary: left.values.slice(":", c),
          moving: weights.values.slice(":", c, part),
          stationaryScale: left.scales.slice(":", c),
          movingScale: weights.scales.slice(":", c, part),
          accumulate: c > 0,
        });
      nisa.tensorCopy({ dst: result.slice(":", part), src: sums, engine: "scalar" });
    }
    nisa.dmaCopy({ dst: out.slice(rows), src: result });
  }
  return out;
});
