/** What goes between the brackets in Python: integers, ranges, everything, and ranges that start at a run-time index. */
import type { Layout } from "./layout.ts";
import { Register } from "./register.ts";

/** `[start, stop]` or `[start, stop, step]`; negative numbers count from the end, as in NumPy. */
export type Range = readonly [start: number, stop: number, step?: number];

/** `nl.ds(start, size)`: `size` elements from a run-time register or a number. */
export class DynamicSlice {
  readonly start: Register | number;
  readonly size: number;

  constructor(start: Register | number, size: number) {
    this.start = start;
    this.size = size;
  }
}

/** One index: an integer selects, a range keeps the dimension, ":" takes all of it, "..." all that are not named. */
export type Index = number | Range | DynamicSlice | ":" | "...";

/** Run-time part of an index: `register` times the stride of dimension `dim` is added to the address. */
export interface RuntimeStart {
  readonly dim: number;
  readonly register: Register;
  readonly stride: number;
  readonly limit: number;
}

export interface Sliced extends Layout {
  readonly runtime: RuntimeStart | undefined;
}

type Problem = (rule: string, message: string) => never;

/** Fills "..." and missing trailing dimensions with ":". */
export function expand(index: readonly Index[], rank: number, problem: Problem): readonly Index[] {
  const dots = index.indexOf("...");
  const named = index.filter((i) => i !== "...").length;
  if (dots !== index.lastIndexOf("...")) problem("index", 'an index has at most one "..."');
  if (named > rank)
    problem("index", `${named} indices for a tensor of ${rank} dimensions; leave some out`);
  const fill: Index[] = Array.from({ length: rank - named }, () => ":");
  return dots < 0
    ? [...index, ...fill]
    : [...index.slice(0, dots), ...fill, ...index.slice(dots + 1)];
}

/**
 * Applies an index to a layout. On chip an integer keeps the partition dimension as one partition, and the result keeps at least two
 * dimensions; in HBM an integer drops its dimension, and the result keeps at least one (NKI language guide, tensor indexing).
 */
export function applyIndex(
  l: Layout,
  index: readonly Index[],
  onChip: boolean,
  problem: Problem,
): Sliced {
  const shape: number[] = [];
  const strides: number[] = [];
  let { offset, partition } = l;
  let runtime: RuntimeStart | undefined;
  let lastDropped: number | undefined;
  expand(index, l.shape.length, problem).forEach((i, d) => {
    const size = l.shape[d]!;
    const stride = l.strides[d]!;
    const advance = (by: number): void => {
      if (onChip && d === 0) partition += by * stride;
      else offset += by * stride;
    };
    const keep = (count: number, step: number): void => {
      shape.push(count);
      strides.push(stride * step);
    };
    if (i === ":") keep(size, 1);
    else if (typeof i === "number") {
      const at = i < 0 ? i + size : i;
      if (!Number.isInteger(at) || at < 0 || at >= size)
        problem("bounds", `index ${i} is outside dimension ${d} of ${size} elements`);
      advance(at);
      if (onChip && d === 0) keep(1, 1);
      else lastDropped = stride;
    } else if (i instanceof DynamicSlice) {
      if (i.start instanceof Register) {
        if (onChip && d === 0)
          problem("run-time index", "the partition dimension takes no run-time index");
        if (runtime) problem("run-time index", "a view has at most one run-time index");
        checkRange(0, i.size, 1, size, d, problem);
        runtime = { dim: d, register: i.start, stride, limit: size - i.size + 1 };
        keep(i.size, 1);
      } else {
        checkRange(i.start, i.start + i.size, 1, size, d, problem);
        advance(i.start);
        keep(i.size, 1);
      }
    } else {
      const range = i as Range;
      const start = range[0] < 0 ? range[0] + size : range[0];
      const stop = range[1] < 0 ? range[1] + size : range[1];
      const step = range[2] ?? 1;
      checkRange(start, stop, step, size, d, problem);
      advance(start);
      keep(Math.ceil((stop - start) / step), step);
    }
  });
  const least = onChip ? 2 : 1;
  while (shape.length < least && shape.length < l.shape.length) {
    shape.push(1);
    strides.push(lastDropped ?? 1);
  }
  return { shape, strides, offset, partition, runtime };
}

function checkRange(
  start: number,
  stop: number,
  step: number,
  size: number,
  d: number,
  problem: Problem,
): void {
  if (![start, stop, step].every(Number.isInteger))
    problem("bounds", `slice ${start}:${stop}:${step} of dimension ${d} is not made of integers`);
  if (step < 1) problem("bounds", `slice of dimension ${d} has step ${step}; steps are at least 1`);
  if (start < 0 || stop > size || start >= stop)
    problem(
      "bounds",
      `slice ${start}:${stop} is ${start >= stop ? "empty or backwards" : "outside"}: dimension ${d} has ${size} elements`,
    );
}
