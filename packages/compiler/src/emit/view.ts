/**
 * A part of one storage as an instruction's operand sees it: an access pattern that can be sliced, split, permuted and broadcast
 * without moving data. On chip dimension 0 is the partitions; in HBM all dimensions are alike.
 */
import { invariant } from "@opentrn/base";
import type { AccessPattern, Dims, Operand, Space } from "@opentrn/isa";
import { bytesOf, type DType } from "@opentrn/numerics";

export class View {
  readonly space: Space;
  readonly pattern: AccessPattern;

  constructor(space: Space, pattern: AccessPattern) {
    this.space = space;
    this.pattern = pattern;
  }

  /** All of a row-major storage. */
  static whole(storage: number, space: Space, dtype: DType, shape: readonly number[]): View {
    const dims: [number, number][] = shape.map((n) => [0, n]);
    let stride = 1;
    for (let d = shape.length - 1; d >= 0; d--) {
      const partitions = space !== "hbm" && d === 0;
      dims[d]![0] = partitions ? 1 : stride;
      if (!partitions) stride *= shape[d]!;
    }
    return new View(space, { storage, dtype, partition: 0, offset: 0, dims });
  }

  get dtype(): DType {
    return this.pattern.dtype;
  }
  get shape(): readonly number[] {
    return this.pattern.dims.map((d) => d[1]);
  }
  /** Partitions on chip. */
  get partitions(): number {
    return this.pattern.dims[0]![1];
  }
  /** Elements of a partition on chip. */
  get free(): number {
    return this.pattern.dims.slice(1).reduce((n, d) => n * d[1], 1);
  }
  get operand(): Operand {
    return { kind: "tile", pattern: this.pattern };
  }

  private with(dims: Dims, offset = this.pattern.offset, partition = this.pattern.partition): View {
    // Written out: a million of these are made for a large product, and a spread takes several times as long.
    const { storage, dtype, dynamic } = this.pattern;
    const fixed = { storage, dtype, partition, offset, dims };
    return new View(this.space, dynamic ? { ...fixed, dynamic } : fixed);
  }

  private isPartitions(d: number): boolean {
    return d === 0 && this.space !== "hbm";
  }

  /** Elements [from, to) of dimension `d`, every `step`-th. */
  slice(d: number, from: number, to: number, step = 1): View {
    const [stride, count] = this.pattern.dims[d]!;
    invariant(from >= 0 && to <= count && from < to, `slice [${from}, ${to}) of ${count} elements`);
    const dims = this.pattern.dims.with(d, [stride * step, Math.ceil((to - from) / step)]);
    return this.isPartitions(d)
      ? this.with(dims, this.pattern.offset, this.pattern.partition + from * stride)
      : this.with(dims, this.pattern.offset + from * stride);
  }

  /** Element `i` of a free dimension, which goes away. */
  at(d: number, i: number): View {
    invariant(!this.isPartitions(d), "partitions stay a dimension");
    const s = this.slice(d, i, i + 1);
    return s.with(s.pattern.dims.toSpliced(d, 1));
  }

  /** A new dimension before `d` that repeats what it covers `count` times. */
  broadcast(d: number, count: number): View {
    invariant(!this.isPartitions(d), "partitions stay the first dimension");
    return this.with(this.pattern.dims.toSpliced(d, 0, [0, count]));
  }

  /** Dimension `d`, of one element, repeated `count` times. */
  repeat(d: number, count: number): View {
    invariant(this.pattern.dims[d]![1] === 1, "only a dimension of one element repeats");
    return this.with(this.pattern.dims.with(d, [0, count]));
  }

  /** HBM only: a tensor of that shape whose dimension d is dimension `from(d)` of this one, or repeats it where that is -1 or of size 1. */
  spread(shape: readonly number[], from: (d: number) => number): View {
    const { dims } = this.pattern;
    return this.with(
      shape.map((n, d) => {
        const [stride, count] = dims[from(d)] ?? [0, 1];
        return [count === 1 ? 0 : stride, n];
      }),
    );
  }

  /** HBM only: what `dims` visit from `offset` elements after this view's first one. */
  strided(offset: number, dims: Dims): View {
    invariant(this.space === "hbm", "partitions stay the first dimension");
    return this.with(dims, this.pattern.offset + offset);
  }

  /** Dimensions in that order; on chip the first stays. */
  permute(order: readonly number[]): View {
    invariant(this.space === "hbm" || order[0] === 0, "partitions stay the first dimension");
    return this.with(order.map((d) => this.pattern.dims[d]!));
  }

  /** The same elements as a tensor of that shape, or undefined where strides do not allow it. */
  tryReshape(shape: readonly number[]): View | undefined {
    if (this.space !== "hbm") {
      if (shape[0] !== this.partitions) return undefined;
      const free = regroup(this.pattern.dims.slice(1), shape.slice(1));
      return free && this.with([this.pattern.dims[0]!, ...free]);
    }
    const dims = regroup(this.pattern.dims, shape);
    return dims && this.with(dims);
  }

  reshape(shape: readonly number[]): View {
    const made = this.tryReshape(shape);
    invariant(made, `[${this.shape}] does not reshape to [${shape}] in place`);
    return made;
  }

  /** The bits read as another type of the same width. */
  bits(dtype: DType): View {
    invariant(bytesOf(dtype) === bytesOf(this.dtype), `${this.dtype} is not as wide as ${dtype}`);
    return new View(this.space, { ...this.pattern, dtype });
  }

  /** Row `i` of the outermost dimension is taken from row `index[i]` instead; HBM only, `index` a [n, 1] tile of int32 or uint32. */
  gather(index: View, limit: number): View {
    const [stride] = this.pattern.dims[0]!;
    const dims = this.pattern.dims.with(0, [stride, index.partitions]);
    return new View(this.space, {
      ...this.pattern,
      dims,
      dynamic: { kind: "vector", stride, limit, index: index.pattern },
    });
  }

  /** The pattern with `stride` times the run-time number in `index` (a [1, 1] tile) added to its offset; numbers lie in [0, limit). */
  offsetBy(index: View, stride: number, limit: number): View {
    return new View(this.space, {
      ...this.pattern,
      dynamic: { kind: "scalar", stride, limit, index: index.pattern },
    });
  }
}

/** Strides of `shape` over the elements that `dims` visits in order, or undefined. */
function regroup(dims: Dims, shape: readonly number[]): Dims | undefined {
  const from = dims.filter((d) => d[1] !== 1);
  const made: [number, number][] = [];
  let at = from.length - 1;
  let [stride, left] = from[at] ?? [1, 1];
  for (let d = shape.length - 1; d >= 0; d--) {
    const n = shape[d]!;
    if (n === 1) {
      made.unshift([0, 1]);
      continue;
    }
    if (left === 1) {
      at--;
      if (at < 0) return undefined;
      [stride, left] = from[at]!;
    }
    // A dimension may span several old ones where they follow each other without gaps.
    let span = left;
    while (n > span) {
      const next = from[at - 1];
      if (!next || next[0] !== stride * left) return undefined;
      at--;
      left *= next[1];
      span = left;
    }
    if (left % n !== 0) return undefined;
    made.unshift([stride, n]);
    stride *= n;
    left /= n;
  }
  return at > 0 || left !== 1 ? undefined : made;
}
