/** Row-major index arithmetic of the reference meanings. */
import type { Data } from "./storage.ts";

/** Elements between neighbours along each dimension of a dense row-major tensor. */
export function stridesOf(shape: readonly number[]): readonly number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let d = shape.length - 1; d >= 0; d--) {
    strides[d] = step;
    step *= shape[d]!;
  }
  return strides;
}

/** One tensor's part in a walk: where it starts and how far each dimension of the walk steps in it. */
export interface Track {
  readonly offset: number;
  readonly strides: readonly number[];
}

/** Visits every index of `shape` in ascending row-major order with the element offsets on both tracks. */
export function walk(
  shape: readonly number[],
  a: Track,
  b: Track,
  visit: (a: number, b: number) => void,
): void {
  const rank = shape.length;
  if (shape.some((d) => d === 0)) return;
  if (rank === 0) {
    visit(a.offset, b.offset);
    return;
  }
  const last = rank - 1;
  const inner = shape[last]!;
  const stepA = a.strides[last]!;
  const stepB = b.strides[last]!;
  const index = new Array<number>(rank).fill(0);
  let atA = a.offset;
  let atB = b.offset;
  for (;;) {
    for (let i = 0, x = atA, y = atB; i < inner; i++, x += stepA, y += stepB) visit(x, y);
    let d = last - 1;
    for (; d >= 0; d--) {
      atA += a.strides[d]!;
      atB += b.strides[d]!;
      if (++index[d]! < shape[d]!) break;
      atA -= index[d]! * a.strides[d]!;
      atB -= index[d]! * b.strides[d]!;
      index[d] = 0;
    }
    if (d < 0) return;
  }
}

/** Copies `shape` elements from one track to another. */
export function copy(
  shape: readonly number[],
  to: Data,
  toTrack: Track,
  from: Data,
  fromTrack: Track,
): void {
  walk(shape, toTrack, fromTrack, (a, b) => {
    to[a] = from[b]!;
  });
}

/** A dense tensor of that shape walked from its start. */
export const dense = (shape: readonly number[]): Track => ({
  offset: 0,
  strides: stridesOf(shape),
});

/** The dimensions of `rank` that are not in `dims`, ascending. */
export const otherDims = (rank: number, dims: readonly number[]): readonly number[] =>
  Array.from({ length: rank }, (_, d) => d).filter((d) => !dims.includes(d));

export const pick = <T>(items: readonly T[], at: readonly number[]): readonly T[] =>
  at.map((i) => items[i]!);

/** 0, 1, ... n - 1. */
export const range = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i);

/** sum of index[d] * strides[d]. */
export const offsetAt = (index: readonly number[], strides: readonly number[]): number =>
  index.reduce((sum, i, d) => sum + i * strides[d]!, 0);
