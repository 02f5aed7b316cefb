/**
 * Values on chip. A tile has one dimension for the partitions, one for rows beside each other in a partition, and one for every free axis
 * of the layout, of one element where the value repeats along it.
 */
import { invariant } from "@opentrn/base";
import type { AccessPattern, Dims } from "@opentrn/isa";
import type { DType } from "@opentrn/numerics";
import { View } from "../../emit/view.ts";
import type { Slot } from "./pool.ts";

export interface Tile {
  readonly view: View;
  /** The buffer it lies in; none for tiles of the caller and constants. */
  readonly slot?: Slot | undefined;
}

/** What an operation takes: a tile, or a number for all elements. */
export type Arg = Tile | number;
export const isTile = (a: Arg): a is Tile => typeof a !== "number";

export const dtypeOf = (t: Tile): DType => t.view.dtype;
export const countsOf = (t: Tile): readonly number[] => t.view.shape;
/** Elements of a partition. */
export const freeOf = (t: Tile): number => t.view.free;
/** One value a partition. */
export const isColumn = (t: Tile): boolean => t.view.free === 1;

/** The counts that tiles repeat to when they meet. */
export const meet = (...tiles: readonly Tile[]): readonly number[] => {
  const counts = tiles.map(countsOf);
  return counts[0]!.map((_, d) => Math.max(...counts.map((c) => c[d]!)));
};

/** The tile repeated to those counts. */
export function repeated(t: Tile, counts: readonly number[]): View {
  return counts.reduce(
    (v, n, d) => (d > 0 && v.shape[d] === 1 && n !== 1 ? v.repeat(d, n) : v),
    t.view,
  );
}

/** The same elements in the same order with as few dimensions as strides allow: the partitions and at least one more. */
export function compact(v: View): View {
  const [first, ...rest] = v.pattern.dims;
  const free = merged(rest);
  return withDims(v, [first!, ...(free.length > 0 ? free : [[1, 1] as const])]);
}

/** Dimensions that follow each other without gaps, as one. */
export function merged(dims: Dims): Dims {
  const made: [number, number][] = [];
  for (const [stride, count] of dims) {
    if (count === 1) continue;
    const last = made.at(-1);
    if (last && last[0] === stride * count) made[made.length - 1] = [stride, last[1] * count];
    else made.push([stride, count]);
  }
  return made;
}

export const withDims = (v: View, dims: Dims, offset = v.pattern.offset): View =>
  new View(v.space, { ...v.pattern, dims, offset } satisfies AccessPattern);

/** Free dimensions of an operand. */
const MOST_FREE = 4;

/** Calls `use` with the views, of the same counts, compacted; in parts where one of them has more dimensions than operands may have. */
export function inDims(views: readonly View[], use: (views: readonly View[]) => void): void {
  const small = views.map(compact);
  if (small.every((v) => v.shape.length <= MOST_FREE + 1)) {
    use(small);
    return;
  }
  const { shape } = views[0]!;
  const d = shape.findIndex((n, i) => i > 0 && n > 1);
  invariant(d > 0, "a view of many dimensions has one of several elements");
  for (let i = 0; i < shape[d]!; i++)
    inDims(
      views.map((v) => v.slice(d, i, i + 1)),
      use,
    );
}
