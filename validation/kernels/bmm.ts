/**
 * Batched fp32 matmul [B, M, K] x [B, K, N] with K = 64, as the kda-for-trainium operator kernels do it: lhs tiles are transposed on
 * TensorE, then multiplied in chunks of 512 columns. Variants differ in how many transposes come before the multiplications that use
 * them (`rowTiles` row tiles, over `heldBatches` heldBatches) and how many chunks one store takes (`storeChunks`); with `lookahead` 1, transposes of a
 * row tile come one by one.
 */
import { kernel, nisa, type Tensor } from "opentrn";
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

/** lhs tile [128, K] turned to [K, 128] and written to `into`. */
export function turn(
  tile: Tensor,
  identity: Tensor,
  into: Tensor,
  engine: "vector" | "scalar",
): void {
  const K = tile.shape[1]!;
  const bank = psum([K, P]);
  nisa.ncMatmul({
    dst: bank,
    stationary: tile,
    moving: identity,
    isTranspose: true,
    isMovingOnezero: true,
  });
  nisa.tensorCopy({ dst: into, src: bank, engine });
}

const bmm = kernel(
  "bmm",
  (
    lhs: Tensor,
    rhs: Tensor,
    identity: Tensor,
    rowTiles: number,
    heldBatches: number,
    storeChunks: number,
  ) => {
    const [B, M, K] = lhs.shape as [number, number, number];
    const N = rhs.shape[2]!;
    const result = output([B, M, N], lhs.dtype);
    const eye = fetch(identity, ring);
    const tiles = M / P;
    for (const block of share(B / heldBatches)) {
      const held = range(heldBatches).map((i) => fetch(rhs.slice(block * heldBatches + i), ring));
      for (const first of range(tiles / rowTiles)) {
        const turned = range(heldBatches).map((i) => {
          const pack = sbuf([K, rowTiles * P], lhs.dtype);
          for (const s of range(rowTiles)) {
            const tile = fetch(
              lhs.slice(block * heldBatches + i, at(first * rowTiles + s, P)),
              ring,
            );
            turn(tile, eye, pack.slice(":", at(s, P)), evictor(s));
          }
          return pack;
        });
        for (const i of range(heldBatches))
          for (const s of range(rowTiles))
            for (const w of range(N / CHUNK / storeChunks)) {
              const wide = sbuf([P, storeChunks * CHUNK], lhs.dtype);
              for (const j of range(storeChunks)) {
                const bank = psum([P, CHUNK]);
                nisa.ncMatmul({
                  dst: bank,
                  stationary: turned[i]!.slice(":", at(s, P)),
                  moving: held[i]!.slice(":", at(w * storeChunks + j, CHUNK)),
                });
                nisa.tensorCopy({
                  dst: wide.slice(":", at(j, CHUNK)),
                  src: bank,
                  engine: evictor(j + w * storeChunks),
                });
              }
              nisa.dmaCopy({
                dst: result.slice(
                  block * heldBatches + i,
                  at(first * rowTiles + s, P),
                  at(w, storeChunks * CHUNK),
                ),
                src: wide,
                ...ring,
              });
            }
      }
    }
    return result;
  },
);

const launch: Case = (row) => {
  const [B, M, K, N] = ["B", "M", "K", "N"].map((n) => size(row, n)) as [
    number,
    number,
    number,
    number,
  ];
  const { dtype } = row;
  return [
    {
      kernel: bmm,
      inputs: {
        lhs: { shape: [B, M, K], dtype },
        rhs: { shape: [B, K, N], dtype },
        identity: { shape: [P, P], dtype },
      },
      args: {
        rowTiles: setting(row, "rowTiles", 1),
        heldBatches: setting(row, "heldBatches", 1),
        storeChunks: setting(row, "storeChunks", 1),
      },
    },
  ];
};

export const cases = { bmm: launch };
