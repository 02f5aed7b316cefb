/** Builders of dot_general and reduce. */
import { emitOne, type Value } from "../graph.ts";
import { range } from "../indexing.ts";
import type { Body } from "../ops/reduce.ts";
import type { ElementType } from "../types.ts";

/** Pairs are [dimensions of lhs, dimensions of rhs]. */
export interface DotDims {
  readonly batching?: readonly [readonly number[], readonly number[]];
  readonly contracting?: readonly [readonly number[], readonly number[]];
  /** Element type of the result; that of the operands unless said otherwise. */
  readonly dtype?: ElementType;
}

/** result[batch, free of lhs, free of rhs] = sum over the contracting dimensions. */
export const dotGeneral = (lhs: Value, rhs: Value, dims: DotDims): Value =>
  emitOne("dot_general", [lhs, rhs], {
    lhs_batching_dimensions: dims.batching?.[0] ?? [],
    rhs_batching_dimensions: dims.batching?.[1] ?? [],
    lhs_contracting_dimensions: dims.contracting?.[0] ?? [],
    rhs_contracting_dimensions: dims.contracting?.[1] ?? [],
    dtype: dims.dtype ?? lhs.type.dtype,
  });

/**
 * lhs [..., m, k] times rhs: [..., k, n] with the same leading dimensions, which batch, or [k, n] for every leading index of lhs.
 */
export function matmul(lhs: Value, rhs: Value, dtype: ElementType = lhs.type.dtype): Value {
  const l = lhs.type.shape.length;
  const r = rhs.type.shape.length;
  const batch = r === 2 ? [] : range(Math.max(r - 2, 0));
  return dotGeneral(lhs, rhs, {
    batching: [batch, batch],
    contracting: [[l - 1], [Math.max(r - 2, 0)]],
    dtype,
  });
}

/** Folds `dimensions` away; all of them unless said otherwise. */
export const reduce = (
  x: Value,
  body: Body,
  dimensions: readonly number[] = range(x.type.shape.length),
): Value => emitOne("reduce", [x], { body, dimensions });

/** The sum over `dimensions`. */
export const sum = (x: Value, dimensions?: readonly number[]): Value =>
  reduce(x, "add", dimensions);
