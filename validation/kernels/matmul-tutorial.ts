/**
 * The matrix multiplication of the NKI tutorial in its four tiled steps, lhsT [K, M] and rhs [K, N]: reload every tile (v2), keep a
 * row of lhsT (v3), blocks of 2 x 2 tiles (v4), blocks of 16 x 2 tiles with K in blocks of 8 and sums in SBUF (v5).
 */
import { type Kernel, kernel, nisa, nl, type Tensor } from "opentrn";
import {
  at,
  type Case,
  fetch,
  output,
  psum,
  range,
  sbuf,
  share,
  size,
  type Way,
  wayOf,
} from "./case.ts";

const [TM, TK, TN] = [128, 128, 512];

function sizes(lhsT: Tensor, rhs: Tensor) {
  const [K, M] = lhsT.shape as [number, number];
  return { K, M, N: rhs.shape[1]! };
}

function evict(result: Tensor, sums: Tensor, m: number, n: number): void {
  const tile = sbuf([TM, TN], result.dtype);
  nisa.tensorCopy({ dst: tile, src: sums });
  nisa.dmaCopy({ dst: result.slice(at(m, TM), at(n, TN)), src: tile });
}

const v2 = kernel("matmul_tiled", (lhsT: Tensor, rhs: Tensor) => {
  const { K, M, N } = sizes(lhsT, rhs);
  const result = output([M, N], lhsT.dtype);
  for (const m of range(M / TM))
    for (const n of range(N / TN)) {
      const sums = psum([TM, TN]);
      for (const k of range(K / TK))
        nisa.ncMatmul({
          dst: sums,
          stationary: fetch(lhsT.slice(at(k, TK), at(m, TM))),
          moving: fetch(rhs.slice(at(k, TK), at(n, TN))),
        });
      evict(result, sums, m, n);
    }
  return result;
});

const v3 = kernel("matmul_hoist_load", (lhsT: Tensor, rhs: Tensor) => {
  const { K, M, N } = sizes(lhsT, rhs);
  const result = output([M, N], lhsT.dtype);
  const steps = range(K / TK);
  for (const m of range(M / TM)) {
    const left = steps.map((k) => fetch(lhsT.slice(at(k, TK), at(m, TM))));
    for (const n of range(N / TN)) {
      const right = steps.map((k) => fetch(rhs.slice(at(k, TK), at(n, TN))));
      const sums = psum([TM, TN]);
      for (const k of steps) nisa.ncMatmul({ dst: sums, stationary: left[k]!, moving: right[k]! });
      evict(result, sums, m, n);
    }
  }
  return result;
});

/**
 * The four tiles of rhs that a block shares take 256 KiB a partition at K = 8192, more than SBUF has, so the compiler loads them
 * again for each row of tiles: its published HBM traffic is that of v3.
 */
const v4 = kernel("matmul_block_free_dimension", (lhsT: Tensor, rhs: Tensor) => {
  const { K, M, N } = sizes(lhsT, rhs);
  const result = output([M, N], lhsT.dtype);
  const steps = range(K / TK);
  for (const bm of range(M / TM / 2)) {
    const rows = [2 * bm, 2 * bm + 1];
    const left = rows.map((m) => steps.map((k) => fetch(lhsT.slice(at(k, TK), at(m, TM)))));
    for (const bn of range(N / TN / 2))
      for (const [i, m] of rows.entries())
        for (const n of [2 * bn, 2 * bn + 1]) {
          const sums = psum([TM, TN]);
          for (const k of steps)
            nisa.ncMatmul({
              dst: sums,
              stationary: left[i]![k]!,
              moving: fetch(rhs.slice(at(k, TK), at(n, TN))),
            });
          evict(result, sums, m, n);
        }
  }
  return result;
});

/** The largest block of at most `most` tiles that divides `tiles`. */
function block(tiles: number, most: number): number {
  for (let b = most; b > 1; b--) if (tiles % b === 0) return b;
  return 1;
}

const v5 = kernel("matmul_fully_optimized", (lhsT: Tensor, rhs: Tensor, way: Way) => {
  const { K, M, N } = sizes(lhsT, rhs);
  // A launch of several cores splits the columns, in equal parts where their number allows it.
  const columns = N / TN / nl.numPrograms();
  const most = Number.isInteger(columns) ? block(columns, 2) : block(N / TN, 2);
  const [BM, BN, BK] = [block(M / TM, 16), most, block(K / TK, 8)];
  const result = output([M, N], lhsT.dtype);
  for (const n of share(N / (TN * BN))) {
    const sums = range(M / TM).map(() => nl.zeros([TM, BN, TN], { dtype: result.dtype }));
    for (const k of range(K / (TK * BK))) {
      const right = sbuf([TK, BK, BN * TN], rhs.dtype);
      for (const i of range(BK))
        nisa.dmaCopy({
          dst: right.slice(":", i),
          src: rhs.slice(at(k * BK + i, TK), at(n, BN * TN)),
          ...way,
        });
      for (const m of range(M / (TM * BM))) {
        const left = sbuf([TK, BK, BM * TM], lhsT.dtype);
        for (const i of range(BK))
          nisa.dmaCopy({
            dst: left.slice(":", i),
            src: lhsT.slice(at(k * BK + i, TK), at(m, BM * TM)),
            ...way,
          });
        for (const j of range(BN))
          for (const i of range(BM)) {
            const bank = psum([TM, TN]);
            for (const s of range(BK))
              nisa.ncMatmul({
                dst: bank,
                stationary: left.slice(":", s, at(i, TM)),
                moving: right.slice(":", s, at(j, TN)),
              });
            const sum = sums[m * BM + i]!.slice(":", j);
            nisa.tensorTensor({ dst: sum, data1: sum, data2: bank, op: nl.add });
          }
      }
    }
    for (const [m, sum] of sums.entries())
      nisa.dmaCopy({
        dst: result.slice(at(m, TM), at(n, BN * TN)),
        src: sum.reshape([TM, BN * TN]),
        ...way,
      });
  }
  return result;
});

const launch =
  (matmul: Kernel): Case =>
  (row) => {
    const [M, K, N] = [size(row, "M"), size(row, "K"), size(row, "N")];
    const { dtype } = row;
    return [
      {
        kernel: matmul,
        inputs: { lhsT: { shape: [K, M], dtype }, rhs: { shape: [K, N], dtype } },
        ...(matmul === v5 ? { args: { way: wayOf(row) } } : {}),
      },
    ];
  };

export const cases = { v2: launch(v2), v3: launch(v3), v4: launch(v4), v5: launch(v5) };
