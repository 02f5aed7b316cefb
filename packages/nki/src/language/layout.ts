/**
 * The geometry of a view: counts and strides over one storage. Views never copy. On chip, dimension 0 is the partition
 * dimension; its stride counts partitions and it is never mixed with the others.
 */

export interface Layout {
  readonly shape: readonly number[];
  /** Elements from one index to the next; on chip `strides[0]` counts partitions. */
  readonly strides: readonly number[];
  /** First element, inside the partition on chip. */
  readonly offset: number;
  /** First partition on chip; 0 in HBM. */
  readonly partition: number;
}

export const product = (counts: readonly number[]): number => counts.reduce((a, b) => a * b, 1);

/** Row-major strides of the dimensions from `first` on; those before stay 1 (the partition step). */
export function contiguousStrides(shape: readonly number[], first: number): number[] {
  const strides = shape.map(() => 1);
  for (let d = shape.length - 2; d >= first; d--) strides[d] = strides[d + 1]! * shape[d + 1]!;
  return strides;
}

/** Whether the dimensions from `first` on cover memory without gaps, in order. */
export function isContiguous(l: Layout, first: number): boolean {
  let expect = 1;
  for (let d = l.shape.length - 1; d >= first; d--) {
    if (l.shape[d] !== 1 && l.strides[d] !== expect) return false;
    expect *= l.shape[d]!;
  }
  return true;
}

/**
 * Strides that give the dimensions `shape` over the same elements in the same order as `counts` with `strides`, or undefined when
 * no view can (a gap or a permutation lies inside a merged dimension).
 */
export function regroup(
  counts: readonly number[],
  strides: readonly number[],
  shape: readonly number[],
): number[] | undefined {
  const old = counts.map((n, i) => [n, strides[i]!] as const).filter(([n]) => n !== 1);
  const made = shape.map(() => 1);
  let from = 0;
  for (let to = 0; to < shape.length; ) {
    let need = shape[to]!;
    let last = to;
    if (need === 1) {
      to++;
      continue;
    }
    let have = old[from]?.[0] ?? 0;
    let end = from;
    while (have !== need)
      if (have < need) {
        const next = old[++end];
        const previous = old[end - 1];
        if (!next || !previous || previous[1] !== next[0] * next[1]) return undefined;
        have *= next[0];
      } else {
        const more = shape[++last];
        if (more === undefined) return undefined;
        need *= more;
      }
    let stride = old[end]![1];
    for (let d = last; d >= to; d--) {
      made[d] = stride;
      stride *= shape[d]!;
    }
    to = last + 1;
    from = end + 1;
  }
  // A dimension of one element takes the stride of the block that follows it.
  for (let d = shape.length - 1, next = 1; d >= 0; d--) {
    if (shape[d] === 1) made[d] = next;
    next = made[d]! * shape[d]!;
  }
  return made;
}

/**
 * The layout of an explicit `[[stride, count], …]` that starts at element `start` of the storage. `row` is the number of elements of a
 * partition, on chip; there the first stride steps over whole partitions, or there is no such layout.
 */
export function explicitLayout(
  pattern: readonly (readonly [stride: number, count: number])[],
  start: number,
  row: number | undefined,
): Layout | undefined {
  const shape = pattern.map((p) => p[1]);
  const strides = pattern.map((p) => p[0]);
  if (row === undefined) return { shape, strides, partition: 0, offset: start };
  if (strides[0]! % row !== 0) return undefined;
  strides[0] = strides[0]! / row;
  return { shape, strides, partition: Math.floor(start / row), offset: start % row };
}

/** How many run-time indices of `stride` keep the dimensions from `first` on inside `elements`: [0, reach). */
export function reach(l: Layout, first: number, stride: number, elements: number): number {
  let last = l.offset;
  for (let d = first; d < l.shape.length; d++)
    last += Math.max(0, l.strides[d]!) * (l.shape[d]! - 1);
  return Math.max(0, Math.floor((elements - 1 - last) / stride) + 1);
}

/** The same bytes in elements of `is` bytes instead of `was`; undefined where an element would be cut. */
export function reinterpret(
  l: Layout,
  was: number,
  is: number,
  onChip: boolean,
): Layout | undefined {
  const last = l.shape.length - 1;
  const scale = (n: number): number => (n * was) / is;
  if (was !== is && l.strides[last] !== 1) return undefined;
  const strides = l.strides.map((s, d) =>
    onChip && d === 0 ? s : d === last && s === 1 ? 1 : scale(s),
  );
  const shape = l.shape.with(last, scale(l.shape[last]!));
  const offset = scale(l.offset);
  return [...strides, ...shape, offset].every(Number.isInteger)
    ? { ...l, shape, strides, offset }
    : undefined;
}
