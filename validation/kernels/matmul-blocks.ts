/**
 * fp32 lhs [M, K] x rhs [K, N] as the kda-for-trainium operator kernels do it: `rowTiles` row tiles of lhs are transposed on TensorE
 * and kept, rhs tiles are loaded once for them, one PSUM bank a row tile. `split` writes each fp32 operand as the sum of two bf16
 * tiles and multiplies three times.
 */
import { kernel, nisa, nl, type Tensor } from "opentrn";
import { turn } from "./bmm.ts";
import {
  at,
  type Case,
  evictor,
  fetch,
  output,
  psum,
  range,
  ring,
  sbuf,
  setting,
  share,
  size,
} from "./case.ts";

const [P, CHUNK] = [128, 512];

/** High and low bf16 parts of an fp32 tile. */
function halves(x: Tensor, high: Tensor, low: Tensor, turnOf: number): void {
  nisa.tensorCopy({ dst: high, src: x, engine: evictor(turnOf) });
  nisa.tensorTensor({ dst: low, data1: x, data2: high, op: nl.subtract });
}

const matmul = kernel(
  "matmul_blocks",
  (lhs: Tensor, rhs: Tensor, identity: Tensor, rowTiles: number, split: number) => {
    const [M, K] = lhs.shape as [number, number];
    const N = rhs.shape[1]!;
    const result = output([M, N], lhs.dtype);
    const eye = fetch(identity, ring);
    const steps = range(K / P);
    const type = split ? "bfloat16" : "float32";
    for (const block of share(M / P / rowTiles)) {
      const parts = range(split ? 2 : 1).map(() => sbuf([P, rowTiles, K / P, P], type));
      for (const r of range(rowTiles))
        for (const k of steps) {
          const tile = fetch(lhs.slice(at(block * rowTiles + r, P), at(k, P)), ring);
          const turned = split ? sbuf([P, P], "float32") : parts[0]!.slice(":", r, k);
          turn(tile, eye, turned, evictor(k));
          if (split) halves(turned, parts[0]!.slice(":", r, k), parts[1]!.slice(":", r, k), k);
        }
      for (const n of range(N / CHUNK)) {
        const sums = range(rowTiles).map(() => psum([P, CHUNK]));
        for (const k of steps) {
          const tile = fetch(rhs.slice(at(k, P), at(n, CHUNK)), ring);
          const right = split ? range(2).map(() => sbuf([P, CHUNK], type)) : [tile];
          if (split) halves(tile, right[0]!, right[1]!, k);
          for (const r of range(rowTiles))
            for (const [i, j] of split
              ? [
                  [0, 0],
                  [0, 1],
                  [1, 0],
                ]
              : [[0, 0]])
              nisa.ncMatmul({
                dst: sums[r]!,
                stationary: parts[i!]!.slice(":", r, k),
                moving: right[j!]!,
              });
        }
        for (const [r, bank] of sums.entries()) {
          const tile = sbuf([P, CHUNK], lhs.dtype);
          nisa.tensorCopy({ dst: tile, src: bank, engine: evictor(r) });
          nisa.dmaCopy({
            dst: result.slice(at(block * rowTiles + r, P), at(n, CHUNK)),
            src: tile,
            ...ring,
          });
        }
      }
    }
    return result;
  },
);

const launch: Case = (row) => {
  const [M, K, N] = [size(row, "M"), size(row, "K"), size(row, "N")];
  const { dtype } = row;
  return [
    {
      kernel: matmul,
      inputs: {
        lhs: { shape: [M, K], dtype },
        rhs: { shape: [K, N], dtype },
        identity: { shape: [P, P], dtype },
      },
      args: { rowTiles: setting(row, "rowTiles", 1), split: setting(row, "split", 0) },
    },
  ];
};

export const cases = { matmul: launch };
