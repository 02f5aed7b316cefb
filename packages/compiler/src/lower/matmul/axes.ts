/**
 * Dimensions of a tensor in HBM that a matmul runs through as one: a list of axes, outermost first, whose flattened index is row-major.
 * Axes that follow each other in memory are merged; where they do not, a range of the flattened index falls into several boxes.
 */
export type Axis = readonly [stride: number, count: number];

/** Elements of all axes. */
export const countOf = (axes: readonly Axis[]): number => axes.reduce((n, a) => n * a[1], 1);

/** The same index space with as few axes as strides allow, for several tensors at once: `strides[t]` are tensor t's. */
export function mergeTogether(
  counts: readonly number[],
  strides: readonly (readonly number[])[],
): readonly (readonly Axis[])[] {
  const made: Axis[][] = strides.map(() => []);
  counts.forEach((count, d) => {
    if (count === 1) return;
    const joins = made.every((axes, t) => {
      const last = axes.at(-1);
      return last !== undefined && last[0] === strides[t]![d]! * count;
    });
    made.forEach((axes, t) => {
      const outer = joins ? axes.pop()![1] : 1;
      axes.push([strides[t]![d]!, outer * count]);
    });
  });
  return made;
}

/** One tensor's axes, merged. */
export const merge = (axes: readonly Axis[]): readonly Axis[] =>
  mergeTogether(
    axes.map((a) => a[1]),
    [axes.map((a) => a[0])],
  )[0]!;

/** A part of a range: flattened indices [from, from + count of dims) lie at `offset` plus what `dims` visit in order. */
export interface Box {
  readonly from: number;
  readonly offset: number;
  readonly dims: readonly Axis[];
}

/** The boxes that make up the flattened indices [from, to). */
export function boxes(axes: readonly Axis[], from: number, to: number): readonly Box[] {
  const [outer, ...inner] = axes;
  if (outer === undefined) return [{ from, offset: 0, dims: [] }];
  const [stride] = outer;
  if (inner.length === 0) return [{ from, offset: from * stride, dims: [[stride, to - from]] }];
  const size = countOf(inner);
  const within = (i: number, a: number, b: number): readonly Box[] =>
    boxes(inner, a, b).map((box) => ({
      ...box,
      from: box.from + i * size,
      offset: box.offset + i * stride,
    }));
  const first = Math.floor(from / size);
  const last = Math.floor((to - 1) / size);
  if (first === last) return within(first, from - first * size, to - first * size);
  const made: Box[] = [];
  const wholeFrom = Math.ceil(from / size);
  const wholeTo = Math.floor(to / size);
  if (wholeFrom > first) made.push(...within(first, from - first * size, size));
  if (wholeTo > wholeFrom)
    made.push({
      from: wholeFrom * size,
      offset: wholeFrom * stride,
      dims: [[stride, wholeTo - wholeFrom], ...inner],
    });
  if (wholeTo <= last) made.push(...within(last, 0, to - last * size));
  return made;
}

/** Offset of the flattened index `i`. */
export function offsetAt(axes: readonly Axis[], i: number): number {
  let [left, offset] = [i, 0];
  for (let d = axes.length - 1; d >= 0; d--) {
    const [stride, count] = axes[d]!;
    offset += (left % count) * stride;
    left = Math.floor(left / count);
  }
  return offset;
}
