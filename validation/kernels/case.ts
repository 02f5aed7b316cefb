/** What the kernels of this folder have in common: how a published row becomes launches, and short forms of often-used moves. */
import { type Kernel, nisa, nl, type Range, type Tensor, type TensorSpec } from "opentrn";

type DType = TensorSpec["dtype"];

/** A published row as a kernel sees it. */
export interface Row {
  /** Sizes by name, as published. */
  readonly shapes: Readonly<Record<string, number>>;
  readonly dtype: DType;
  /** Constants of the binding and named groups of its patterns. */
  readonly settings: Readonly<Record<string, string | number>>;
}

/** One launch of a kernel; a row may need several, one after the other. */
export interface Launch {
  readonly kernel: Kernel;
  readonly inputs: Readonly<Record<string, TensorSpec>>;
  readonly args?: Readonly<Record<string, unknown>>;
}

/** Turns a row into launches. */
export type Case = (row: Row) => readonly Launch[];

/** A size that the row must have. */
export function size(row: Row, name: string): number {
  const value = row.shapes[name] ?? row.settings[name];
  if (value === undefined || !(Number(value) > 0))
    throw new Error(`the row has no ${name}; it has ${Object.keys(row.shapes).join(", ")}`);
  return Number(value);
}

/** A whole number given by the binding, or `fallback`. */
export const setting = (row: Row, name: string, fallback: number): number =>
  Number(row.settings[name] ?? fallback);

/** Who makes the descriptors of a transfer and which engine triggers it. */
export interface Way {
  readonly dgeMode?: "unknown" | "swdge" | "hwdge" | "none";
  readonly engine?: "unknown" | "sync" | "scalar" | "gpsimd";
}

/** Descriptors written before the kernel starts (`--disable-dge`). */
export const ring: Way = { dgeMode: "none" };

/** The way that a binding asks for: `"descriptors": "ring"`, or whatever the queue policy chooses. */
export const wayOf = (row: Row): Way => (row.settings["descriptors"] === "ring" ? ring : {});

/** A new SBUF tile with the contents of an HBM view. */
export function fetch(source: Tensor, way: Way = {}): Tensor {
  const tile = nl.ndarray(source.shape, { dtype: source.dtype });
  nisa.dmaCopy({ dst: tile, src: source, ...way });
  return tile;
}

export const sbuf = (shape: readonly number[], dtype: DType): Tensor =>
  nl.ndarray(shape, { dtype });

export const psum = (shape: readonly number[], dtype: DType = "float32"): Tensor =>
  nl.ndarray(shape, { dtype, buffer: "psum" });

export const output = (shape: readonly number[], dtype: DType): Tensor =>
  nl.ndarray(shape, { dtype, buffer: "shared_hbm" });

/** Numbers 0 to n - 1. */
export const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** The `i`-th range of `width`. */
export const at = (i: number, width: number): Range => [i * width, (i + 1) * width];

/** This core's share of `n` independent iterations; the launch's cores take turns of consecutive ones. */
export function share(n: number): number[] {
  const cores = nl.numPrograms();
  const each = Math.ceil(n / cores);
  const first = nl.programId() * each;
  return range(n).slice(first, first + each);
}

/** PSUM is emptied by VectorE and ScalarE in turns, as the compiler does it. */
export const evictor = (i: number): "vector" | "scalar" => (i % 2 === 0 ? "scalar" : "vector");

/**
 * A row [1, n] in all 128 partitions: a matmul with a column of ones, one PSUM bank at most. The way the compiler broadcasts along
 * partitions.
 */
export function spread(row: Tensor, ones: Tensor): Tensor {
  const bank = psum([128, row.shape[1]!]);
  nisa.ncMatmul({ dst: bank, stationary: ones, moving: row });
  return bank;
}
