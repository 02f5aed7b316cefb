/**
 * lhsT [K, M] x rhs [K, N] with four row tiles at a time, a PSUM bank each, so that a tile of rhs is loaded once for four products;
 * `together` row tiles of rhs (128 x 512) come in one transfer.
 */
import { kernel, nisa, nl, type Tensor } from "opentrn";
import {
  at,
  type Case,
  evictor,
  fetch,
  output,
  psum,
  range,
  sbuf,
  setting,
  size,
  type Way,
  wayOf,
} from "./case.ts";

const [P, TN, BANKS] = [128, 512, 4];

const gemm = kernel(
  "gemm_accumulators",
  (lhsT: Tensor, rhs: Tensor, together: number, way: Way) => {
    const [K, M] = lhsT.shape as [number, number];
    const N = rhs.shape[1]!;
    const result = output([M, N], lhsT.dtype);
    const rows = (t: Tensor): Tensor => t.reshape([K / P, P, t.shape[1]!]).permute([1, 0, 2]);
    for (const block of range(M / P / BANKS)) {
      const left = fetch(rows(lhsT).slice(":", ":", at(block, BANKS * P)), way);
      for (const n of range(N / TN)) {
        const sums = range(BANKS).map(() => psum([P, TN]));
        for (const [from, to] of nl.tiles(K / P, together)) {
          const right = fetch(rows(rhs).slice(":", [from, to], at(n, TN)), way);
          for (let k = from; k < to; k++)
            for (const [b, bank] of sums.entries())
              nisa.ncMatmul({
                dst: bank,
                stationary: left.slice(":", k, at(b, P)),
                moving: right.slice(":", k - from),
              });
        }
        for (const [b, bank] of sums.entries()) {
          const tile = sbuf([P, TN], result.dtype);
          if (evictor(b) === "vector") nisa.tensorCopy({ dst: tile, src: bank, engine: "vector" });
          else nisa.activation({ dst: tile, op: nl.copy, data: bank });
          nisa.dmaCopy({
            dst: result.slice(at(block * BANKS + b, P), at(n, TN)),
            src: tile,
            ...way,
          });
        }
      }
    }
    return result;
  },
);

export const cases = {
  gemm: ((row) => {
    const [M, K, N] = [size(row, "M"), size(row, "K"), size(row, "N")];
    const { dtype } = row;
    return [
      {
        kernel: gemm,
        inputs: { lhsT: { shape: [K, M], dtype }, rhs: { shape: [K, N], dtype } },
        args: { together: setting(row, "together", 8), way: wayOf(row) },
      },
    ];
  }) as Case,
};
