/** Builders of operations that move elements to fixed places. */
import { emitOne, type Value } from "../graph.ts";
import { tensor } from "../types.ts";
import { constant, type Operand } from "./sources.ts";

/**
 * x repeated to `shape`; dimension d of x becomes dimension dims[d] of the result. Left out, x's dimensions are the last ones.
 */
export const broadcastInDim = (
  x: Value,
  shape: readonly number[],
  dims: readonly number[] = x.type.shape.map((_, d) => shape.length - x.type.shape.length + d),
): Value => emitOne("broadcast_in_dim", [x], { broadcast_dimensions: dims, shape });

/** x repeated along the dimensions that a reduction over `dims` took from something of that shape. */
export const broadcastOver = (x: Value, shape: readonly number[], dims: readonly number[]): Value =>
  broadcastInDim(
    x,
    shape,
    shape.map((_, d) => d).filter((d) => !dims.includes(d)),
  );

/** The same elements under another shape; x itself when it has that shape. */
export const reshape = (x: Value, shape: readonly number[]): Value =>
  shape.length === x.type.shape.length && shape.every((n, d) => n === x.type.shape[d])
    ? x
    : emitOne("reshape", [x], { shape });

/** Dimension d of the result is dimension permutation[d] of x; reversed unless said otherwise. x itself when nothing moves. */
export const transpose = (
  x: Value,
  permutation: readonly number[] = x.type.shape.map((_, d) => x.type.shape.length - 1 - d),
): Value =>
  permutation.length === x.type.shape.length && permutation.every((p, d) => p === d)
    ? x
    : emitOne("transpose", [x], { permutation });

export interface SliceRange {
  /** Zeros unless said otherwise. */
  readonly start?: readonly number[];
  /** The ends unless said otherwise. */
  readonly limit?: readonly number[];
  /** Ones unless said otherwise. */
  readonly strides?: readonly number[];
}

/** Elements start, start + stride, ... below limit of every dimension. */
export const slice = (x: Value, { start, limit, strides }: SliceRange): Value =>
  emitOne("slice", [x], {
    start_indices: start ?? x.type.shape.map(() => 0),
    limit_indices: limit ?? x.type.shape,
    strides: strides ?? x.type.shape.map(() => 1),
  });

/** The operands one after the other along `dimension`. */
export const concatenate = (inputs: readonly Value[], dimension: number): Value =>
  emitOne("concatenate", inputs, { dimension });

export interface Padding {
  readonly low?: readonly number[];
  readonly high?: readonly number[];
  /** Between elements. */
  readonly interior?: readonly number[];
}

/** x with `value` around it and between its elements; negative edges take elements away. */
export const pad = (x: Value, value: Operand, { low, high, interior }: Padding): Value => {
  const zeros = x.type.shape.map(() => 0);
  const scalar = typeof value === "number" ? constant(tensor([], x.type.dtype), value) : value;
  return emitOne("pad", [x, scalar], {
    edge_padding_low: low ?? zeros,
    edge_padding_high: high ?? zeros,
    interior_padding: interior ?? zeros,
  });
};
