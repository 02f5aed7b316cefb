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
