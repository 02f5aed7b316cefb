/**
 * c = a.T @ b for a [K, M] and b [K, N], in four steps. TensorE multiplies a stationary tile [128, 128] with a moving tile
 * [128, 512] in about 215 ns; what separates the steps is how often operands travel from HBM and who empties PSUM.
 */
import { kernel, nisa, nl, type Range, type Tensor } from "opentrn";

const sizes = (a: Tensor, b: Tensor) => ({ K: a.shape[0]!, M: a.shape[1]!, N: b.shape[1]! });

/** A tile of an HBM matrix in SBUF. */
function fetch(source: Tensor, rows: Range, columns: Range): Tensor {
  const tile = nl.ndarray([rows[1] - rows[0], columns[1] - columns[0]], { dtype: source.dtype });
  nisa.dmaCopy({ dst: tile, src: source.slice(rows, columns) });
  return tile;
}

/** Rounds a PSUM tile to the result's type and writes it out. */
function put(c: Tensor, sums: Tensor, rows: Range, columns: Range): void {
  const tile = nl.ndarray(sums.shape, { dtype: c.dtype });
  nisa.tensorCopy({ dst: tile, src: sums, engine: "vector" });
  nisa.dmaCopy({ dst: c.slice(rows, columns), src: tile });
}

/** A whole matrix [K, n] in SBUF as [128, K/128, n]: one transfer per 128 rows, at least 4 KiB a partition for n = 2048. */
function fetchAll(source: Tensor): Tensor {
  const [k, n] = source.shape as [number, number];
  const tiles = nl.ndarray([128, k / 128, n], { dtype: source.dtype });
  for (const [i, rows] of nl.tiles(k, 128).entries())
    nisa.dmaCopy({ dst: tiles.slice(":", i), src: source.slice(rows) });
  return tiles;
}

/** 1. Each output tile fetches every operand tile it needs: a is read N/512 times, b M/128 times. */
export const matmulTiled = kernel("matmul_tiled", (a, b) => {
  const { K, M, N } = sizes(a, b);
  const c = nl.ndarray([M, N], { dtype: a.dtype, buffer: nl.sharedHbm });
  for (const m of nl.tiles(M, 128))
    for (const n of nl.tiles(N, 512)) {
      const sums = nl.ndarray([m[1] - m[0], n[1] - n[0]], { dtype: "float32", buffer: nl.psum });
      for (const k of nl.tiles(K, 128))
        nisa.ncMatmul({
          dst: sums,
          stationary: fetch(a, k, m),
          moving: fetch(b, k, n),
          accumulate: k[0] > 0,
        });
      put(c, sums, m, n);
    }
  return c;
});

/** 2. The columns of a for 128 output rows stay in SBUF across n: a is read once, b still M/128 times. */
export const matmulHoisted = kernel("matmul_hoisted", (a, b) => {
  const { K, M, N } = sizes(a, b);
  const c = nl.ndarray([M, N], { dtype: a.dtype, buffer: nl.sharedHbm });
  for (const m of nl.tiles(M, 128)) {
    const columns = nl.tiles(K, 128).map((k) => fetch(a, k, m));
    for (const n of nl.tiles(N, 512)) {
      const sums = nl.ndarray([m[1] - m[0], n[1] - n[0]], { dtype: "float32", buffer: nl.psum });
      for (const [i, k] of nl.tiles(K, 128).entries())
        nisa.ncMatmul({
          dst: sums,
          stationary: columns[i]!,
          moving: fetch(b, k, n),
          accumulate: i > 0,
        });
      put(c, sums, m, n);
    }
  }
  return c;
});

/** 3. Both matrices are read once, in wide transfers, and stay in SBUF (K/64 x (M + N) bytes a partition in bf16). */
export const matmulResident = kernel("matmul_resident", (a, b) => {
  const { K, M, N } = sizes(a, b);
  const c = nl.ndarray([M, N], { dtype: a.dtype, buffer: nl.sharedHbm });
  const [left, right] = [fetchAll(a), fetchAll(b)];
  for (const m of nl.tiles(M, 128))
    for (const n of nl.tiles(N, 512)) {
      const sums = nl.ndarray([m[1] - m[0], n[1] - n[0]], { dtype: "float32", buffer: nl.psum });
      for (let k = 0; k < K / 128; k++)
        nisa.ncMatmul({
          dst: sums,
          stationary: left.slice(":", k, m),
          moving: right.slice(":", k, n),
          accumulate: k > 0,
        });
      put(c, sums, m, n);
    }
  return c;
});

/**
 * 4. TensorE never waits: the first output rows follow the arriving operands with k outermost, eight sums at a time in the eight PSUM
 * banks; ScalarE and VectorE take turns emptying banks; whole output rows leave in one transfer.
 */
export const matmulPipelined = kernel("matmul_pipelined", (a, b) => {
  const { K, M, N } = sizes(a, b);
  const c = nl.ndarray([M, N], { dtype: a.dtype, buffer: nl.sharedHbm });
  const left = nl.ndarray([128, K / 128, M], { dtype: a.dtype });
  const right = nl.ndarray([128, K / 128, N], { dtype: b.dtype });
  for (const [i, rows] of nl.tiles(K, 128).entries()) {
    nisa.dmaCopy({ dst: left.slice(":", i), src: a.slice(rows) });
    nisa.dmaCopy({ dst: right.slice(":", i), src: b.slice(rows) });
  }
  const [columns, banks] = [nl.tiles(N, 512), nl.tileSize.psumNumBanks];
  const high = Math.max(1, Math.floor(banks / columns.length));
  for (const group of nl.tiles(M / 128, high)) {
    const rows = nl.tiles(M, 128).slice(...(group as [number, number]));
    const sums = rows.map(() =>
      columns.map((n) => nl.ndarray([128, n[1] - n[0]], { dtype: "float32", buffer: nl.psum })),
    );
    for (let k = 0; k < K / 128; k++)
      for (const [i, m] of rows.entries())
        for (const [j, n] of columns.entries())
          nisa.ncMatmul({
            dst: sums[i]![j]!,
            stationary: left.slice(":", k, m),
            moving: right.slice(":", k, n),
            accumulate: k > 0,
          });
    for (const [i, m] of rows.entries()) {
      const row = nl.ndarray([128, N], { dtype: c.dtype });
      for (const [j, n] of columns.entries())
        nisa.tensorCopy({
          dst: row.slice(":", n),
          src: sums[i]![j]!,
          engine: j % 2 === 0 ? "vector" : "scalar",
        });
      nisa.dmaCopy({ dst: c.slice(m), src: row });
    }
  }
  return c;
});
