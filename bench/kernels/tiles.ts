/** Tiles, transposes and contractions that the kernels of this folder share. */
import { nisa, nl, type Range, type Tensor } from "opentrn";

/** Partitions, and rows of one tile. */
export const P = 128;
/** Columns of one PSUM bank in fp32, and of one matmul before NeuronCore-v4. */
export const BANK = 512;

type Element = Tensor["dtype"];

export const sbuf = (shape: readonly number[], dtype: Element = "float32"): Tensor =>
  nl.ndarray(shape, { dtype });
export const psum = (shape: readonly number[], dtype: Element = "float32"): Tensor =>
  nl.ndarray(shape, { dtype, buffer: nl.psum });
export const hbm = (shape: readonly number[], dtype: Element): Tensor =>
  nl.ndarray(shape, { dtype, buffer: nl.sharedHbm });
export const rowsOf = (i: number): Range => [i * P, (i + 1) * P];

/** A matrix [n, columns] of HBM in SBUF as [128, n / 128, columns], row p + 128 c at (p, c). */
export function load(source: Tensor): Tensor {
  const [n, columns] = source.shape as [number, number];
  const dst = sbuf([P, n / P, columns], source.dtype);
  nisa.dmaCopy({ dst, src: source.reshape([n / P, P, columns]).permute([1, 0, 2]) });
  return dst;
}

/** A matrix [n, 128] of HBM in SBUF transposed, [128, n]. */
export function loadTurned(source: Tensor): Tensor {
  const [n, d] = source.shape as [number, number];
  const dst = sbuf([d, n], source.dtype);
  for (const rows of nl.tiles(n, BANK))
    nisa.dmaTranspose({ dst: dst.slice(":", rows), src: source.slice(rows) });
  return dst;
}

/** A vector of HBM on every partition. */
export function loadRow(source: Tensor): Tensor {
  const n = source.size;
  const dst = sbuf([P, n], source.dtype);
  nisa.dmaCopy({ dst, src: source.reshape([1, n]).broadcast(0, P) });
  return dst;
}

/** Columns of 16-bit source [128, n] turned to partitions, [128, n / 128, 128], through one PSUM bank after the other. */
export function turn(source: Tensor): Tensor {
  const blocks = source.shape[1]! / P;
  const dst = sbuf([P, blocks, P], source.dtype);
  for (const part of nl.tiles(blocks, 4)) {
    const turned = psum([P, part[1] - part[0], P], source.dtype);
    for (let i = part[0]; i < part[1]; i++)
      nisa.ncTranspose({ dst: turned.slice(":", i - part[0]), data: source.slice(":", rowsOf(i)) });
    nisa.tensorCopy({ dst: dst.slice(":", part), src: turned, engine: "scalar" });
  }
  return dst;
}

/** left[:, :, rows].T @ right[:, :, columns] in PSUM, contracted over the first two dimensions. */
export function product(left: Tensor, rows: Range, right: Tensor, columns: Range): Tensor {
  const sums = psum([rows[1] - rows[0], columns[1] - columns[0]]);
  for (let k = 0; k < left.shape[1]!; k++)
    nisa.ncMatmul({
      dst: sums,
      stationary: left.slice(":", k, rows),
      moving: right.slice(":", k, columns),
      accumulate: k > 0,
    });
  return sums;
}
