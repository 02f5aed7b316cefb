/** A tensor in HBM, SBUF or PSUM as a kernel sees it: a strided view over one storage. Views share memory and never copy. */
import type { AccessPattern, DynamicOffset, Space } from "@opentrn/isa";
import { bytesOf, type DType } from "@opentrn/numerics";
import { applyIndex, type Index } from "./indexing.ts";
import {
  contiguousStrides,
  explicitLayout,
  isContiguous,
  type Layout,
  product,
  reach,
  regroup,
  reinterpret,
} from "./layout.ts";
import { Register } from "./register.ts";
import { type Entry, stop } from "./trace.ts";

/** Memory regions of `nki.language`; hbm is private_hbm. */
export type Buffer = "sbuf" | "psum" | "hbm" | "private_hbm" | "shared_hbm";

export interface TensorParts {
  readonly name: string;
  readonly storage: number;
  readonly buffer: Buffer;
  readonly dtype: DType;
  readonly layout: Layout;
  /** Shape and type of the storage itself, which `ap` addresses. */
  readonly base: { readonly shape: readonly number[]; readonly dtype: DType };
  readonly dynamic?: DynamicOffset | undefined;
}

export interface PatternOptions {
  /** Elements beyond where this view starts; a partition is one row of the storage. Default 0. */
  readonly offset?: number;
  /** Run-time index along `indirectDim`: a register or a (1, 1) tensor in SBUF. */
  readonly scalarOffset?: Register | Tensor;
  /** One run-time index a row, (P, 1) in SBUF; HBM tensors, `indirectDim` 0. */
  readonly vectorOffset?: Tensor;
  /** Dimension of this view whose stride the run-time index counts; default 0. */
  readonly indirectDim?: number;
  readonly dtype?: DType;
}

const spaceOf = (b: Buffer): Space => (b === "sbuf" || b === "psum" ? b : "hbm");

export class Tensor {
  readonly name: string;
  readonly storage: number;
  readonly buffer: Buffer;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly layout: Layout;
  private readonly parts: TensorParts;

  constructor(parts: TensorParts) {
    this.parts = parts;
    this.name = parts.name;
    this.storage = parts.storage;
    this.buffer = parts.buffer;
    this.dtype = parts.dtype;
    this.layout = parts.layout;
    this.shape = parts.layout.shape;
  }

  get space(): Space {
    return spaceOf(this.buffer);
  }

  get onChip(): boolean {
    return this.space !== "hbm";
  }

  get ndim(): number {
    return this.shape.length;
  }

  get size(): number {
    return product(this.shape);
  }

  /** Elements of one partition row of the storage (on chip), in this view's dtype. */
  private get rowElements(): number {
    return product(this.parts.base.shape.slice(1)) * this.baseRatio;
  }

  /** Elements of this view's dtype in one of the storage's. */
  private get baseRatio(): number {
    return bytesOf(this.parts.base.dtype) / bytesOf(this.dtype);
  }

  /** Strides in elements over the whole storage, the way NKI prints them: a partition is one row of the storage. */
  get strides(): readonly number[] {
    const { strides } = this.layout;
    return this.onChip ? [strides[0]! * this.rowElements, ...strides.slice(1)] : strides;
  }

  /** First element over the whole storage. */
  get offset(): number {
    const { offset, partition } = this.layout;
    return this.onChip ? partition * this.rowElements + offset : offset;
  }

  /** `[[stride, count], …]`. */
  get pattern(): readonly (readonly [stride: number, count: number])[] {
    const { strides } = this;
    return this.shape.map((n, d) => [strides[d]!, n] as const);
  }

  get isContiguous(): boolean {
    return isContiguous(this.layout, this.onChip ? 1 : 0);
  }

  get isIndirect(): boolean {
    return this.parts.dynamic !== undefined;
  }

  /** Part of the tensor, NumPy style: `t.slice([0, 128], ":")`, `t.slice(3)`, `t.slice("...", nl.ds(i, 64))`. */
  slice(...index: readonly Index[]): Tensor {
    const { slice } = Tensor.prototype;
    if (this.parts.dynamic?.kind === "vector" && index[0] !== ":" && index[0] !== "...")
      this.fail(slice, "run-time index", `${this.describe()}: its rows are chosen at run time`);
    const { runtime, ...layout } = applyIndex(this.layout, index, this.onChip, (rule, message) =>
      this.fail(slice, rule, `${this.describe()}: ${message}`, rule === "bounds"),
    );
    if (!runtime) return this.with({ layout });
    const { register, stride, limit } = runtime;
    this.mustBeDirect(slice, "slice with a run-time start");
    return this.with({
      layout,
      dynamic: { kind: "register", register: register.id, stride, limit },
    });
  }

  /** One position of dimension `dim`, which disappears. A tensor or register as index is read at run time. */
  select(dim: number, index: number | Register | Tensor): Tensor {
    const { select } = Tensor.prototype;
    const d = this.dimension(select, dim);
    if (typeof index === "number")
      return this.slice(...this.shape.map((_, i): Index => (i === d ? index : ":")));
    this.mustBeDirect(select, "select");
    if (this.onChip && d === 0)
      this.fail(select, "run-time index", `${this.describe()}: partitions take no run-time index`);
    const layout = this.dropDim(d);
    const range = { stride: this.layout.strides[d]!, limit: this.shape[d]! };
    return this.with({ layout, dynamic: this.runtimeIndex(select, index, range) });
  }

  /** Row `offsets[p]` of an HBM tensor for every partition p; offsets is (P, 1) int32 or uint32 in SBUF. */
  vectorSelect(dim: number, offsets: Tensor): Tensor {
    const { vectorSelect } = Tensor.prototype;
    this.mustBeDirect(vectorSelect, "vectorSelect");
    if (dim !== 0 || this.onChip)
      this.fail(
        vectorSelect,
        "vector index",
        `${this.describe()}: a vector of indices selects rows (dimension 0) of an HBM tensor, not dimension ${dim} of one in ${this.buffer}`,
      );
    const layout = { ...this.layout, shape: [offsets.shape[0]!, ...this.shape.slice(1)] };
    return this.with({
      layout,
      dynamic: {
        kind: "vector",
        stride: this.layout.strides[0]!,
        limit: this.shape[0]!,
        index: offsets.operandPattern(),
      },
    });
  }

  /** Columns picked per partition by an index tensor (NeuronCore-v4 tensor indirection). */
  indirect(index: Tensor, count = index.size): Tensor {
    const { indirect } = Tensor.prototype;
    this.mustBeDirect(indirect, "indirect");
    if (!this.onChip)
      this.fail(indirect, "indirection", `${this.describe()}: only on-chip tensors`);
    const limit = product(this.shape.slice(1));
    return this.with({
      layout: { ...this.layout, shape: [this.shape[0]!, count], strides: [1, 1] },
      dynamic: { kind: "indirect", stride: 1, limit, index: index.operandPattern() },
    });
  }

  /** The same elements in other dimensions; on chip the partition dimension stays. */
  reshape(shape: readonly number[]): Tensor {
    const { reshape } = Tensor.prototype;
    const wanted = this.fillShape(reshape, shape, this.size);
    const first = this.fixedDims;
    if (first === 1 && wanted[0] !== this.shape[0])
      this.fail(
        reshape,
        "reshape",
        `${this.describe()}: reshape to [${wanted}] changes dimension 0; it stays ${this.shape[0]}`,
      );
    const { strides } = this.layout;
    const made = regroup(this.shape.slice(first), strides.slice(first), wanted.slice(first));
    if (!made)
      return this.fail(
        reshape,
        "reshape",
        `${this.describe()}: no view of it has the shape [${wanted}], because strides [${strides}] do not merge; copy it first`,
      );
    return this.relaid(wanted, [...strides.slice(0, first), ...made]);
  }

  /** Splits one dimension; one of `shape` may be -1. */
  reshapeDim(dim: number, shape: readonly number[]): Tensor {
    const { reshapeDim } = Tensor.prototype;
    const d = this.dimension(reshapeDim, dim);
    const parts = this.fillShape(reshapeDim, shape, this.shape[d]!);
    if (d < this.fixedDims && parts.length !== 1)
      this.fail(reshapeDim, "reshape", `${this.describe()}: dimension ${d} is not split`);
    const inner = contiguousStrides(parts, 0).map((s) => s * this.layout.strides[d]!);
    return this.relaid(
      this.shape.toSpliced(d, 1, ...parts),
      this.layout.strides.toSpliced(d, 1, ...inner),
    );
  }

  /** Merges dimensions `start` to `end`, both included. */
  flattenDims(start: number, end: number): Tensor {
    const from = this.dimension(Tensor.prototype.flattenDims, start);
    const to = this.dimension(Tensor.prototype.flattenDims, end);
    const merged = product(this.shape.slice(from, to + 1));
    return this.reshape(this.shape.toSpliced(from, to - from + 1, merged));
  }

  /** Inserts a dimension of one element. */
  expandDim(dim: number): Tensor {
    const { expandDim } = Tensor.prototype;
    const d = dim < 0 ? dim + this.ndim + 1 : dim;
    if (!Number.isInteger(d) || d > this.ndim || d < this.fixedDims)
      this.fail(expandDim, "dimension", `${this.describe()}: no dimension goes in at ${dim}`);
    const { strides } = this.layout;
    const stride = d < this.ndim ? this.shape[d]! * strides[d]! : 1;
    return this.relaid(this.shape.toSpliced(d, 0, 1), strides.toSpliced(d, 0, stride));
  }

  /** Removes a dimension of one element. */
  squeezeDim(dim: number): Tensor {
    const { squeezeDim } = Tensor.prototype;
    const d = this.dimension(squeezeDim, dim);
    if (this.shape[d] !== 1 || d < this.fixedDims)
      this.fail(squeezeDim, "dimension", `${this.describe()}: dimension ${dim} cannot be removed`);
    return this.with({ layout: this.dropDim(d) });
  }

  /** Repeats a dimension of one element `size` times, without copying. */
  broadcast(dim: number, size: number): Tensor {
    const { broadcast } = Tensor.prototype;
    const d = this.dimension(broadcast, dim);
    if (this.shape[d] !== 1 || (this.onChip && d === 0))
      this.fail(
        broadcast,
        "broadcast",
        `${this.describe()}: dimension ${dim} has ${this.shape[d]} elements; only a free dimension of one is repeated`,
      );
    return this.relaid(this.shape.with(d, size), this.layout.strides.with(d, 0));
  }

  /** Dimensions in another order; on chip dimension 0 stays first. */
  permute(order: readonly number[]): Tensor {
    const { permute } = Tensor.prototype;
    const sorted = [...order].sort((a, b) => a - b);
    if (sorted.length !== this.ndim || sorted.some((d, i) => d !== i))
      this.fail(permute, "permute", `${this.describe()}: [${order}] is no order of its dimensions`);
    if (this.fixedDims === 1 && order[0] !== 0)
      this.fail(permute, "permute", `${this.describe()}: dimension 0 stays first`);
    return this.relaid(
      order.map((d) => this.shape[d]!),
      order.map((d) => this.layout.strides[d]!),
    );
  }

  /** The same bytes read as another type; the last dimension grows or shrinks by the ratio of the sizes. */
  view(dtype: DType): Tensor {
    const { view } = Tensor.prototype;
    this.mustBeDirect(view, "view");
    const layout = reinterpret(this.layout, bytesOf(this.dtype), bytesOf(dtype), this.onChip);
    if (!layout)
      return this.fail(
        view,
        "view",
        `${this.describe()}: it cannot be seen as ${dtype}; its last dimension must be contiguous and hold whole elements`,
      );
    return this.with({ dtype, layout });
  }

  /** An explicit `[[stride, count], …]` over the whole storage, whatever this view shows of it. */
  ap(
    pattern: readonly (readonly [stride: number, count: number])[],
    options: PatternOptions = {},
  ): Tensor {
    const { ap } = Tensor.prototype;
    const { dtype = this.dtype, offset = 0, scalarOffset, vectorOffset, indirectDim = 0 } = options;
    const target = this.with({ dtype, dynamic: undefined });
    const ratio = bytesOf(this.dtype) / bytesOf(dtype);
    const row = target.onChip ? target.rowElements : undefined;
    const layout = explicitLayout(pattern, this.offset * ratio + offset, row);
    if (!layout)
      return this.fail(
        ap,
        "ap",
        `${this.describe()}: the partition step is ${pattern[0]![0]}; it is the row of the storage, ${row}`,
      );
    if (!scalarOffset && !vectorOffset) return target.with({ layout });
    const d = this.dimension(ap, indirectDim);
    const wrong =
      scalarOffset && vectorOffset
        ? "scalarOffset or vectorOffset, not both"
        : this.onChip && d === 0
          ? "partitions take no run-time index"
          : vectorOffset && d !== 0
            ? "vectorOffset counts dimension 0"
            : undefined;
    if (wrong) this.fail(ap, "run-time index", `${this.describe()}: ${wrong}`);
    const stride = this.strides[d]! * ratio;
    const elements = row ?? product(this.parts.base.shape) * target.baseRatio;
    const limit = reach(layout, this.onChip || vectorOffset ? 1 : 0, stride, elements);
    const range = { stride, limit };
    if (scalarOffset)
      return target.with({ layout, dynamic: this.runtimeIndex(ap, scalarOffset, range) });
    return target.with({
      layout,
      dynamic: { kind: "vector", ...range, index: vectorOffset!.operandPattern() },
    });
  }

  /** What an instruction stores of this view. */
  operandPattern(): AccessPattern {
    const { shape, strides, offset, partition } = this.layout;
    const { dynamic } = this.parts;
    const dims = shape.map((n, d) => [strides[d]!, n] as const);
    const pattern = { storage: this.storage, dtype: this.dtype, partition, offset, dims };
    return dynamic ? { ...pattern, dynamic } : pattern;
  }

  /** `name float32[128,512] in sbuf`. */
  describe(): string {
    return `${this.name || "tensor"} ${this.dtype}[${this.shape}] in ${this.buffer}`;
  }

  private with(changes: Partial<TensorParts>): Tensor {
    return new Tensor({ ...this.parts, ...changes });
  }

  private relaid(shape: readonly number[], strides: readonly number[]): Tensor {
    return this.with({ layout: { ...this.layout, shape, strides } });
  }

  /** Leading dimensions that views leave alone: partitions, and rows chosen at run time. */
  private get fixedDims(): number {
    return this.onChip || this.parts.dynamic?.kind === "vector" ? 1 : 0;
  }

  private dimension(entry: Entry, dim: number): number {
    const d = dim < 0 ? dim + this.ndim : dim;
    if (!Number.isInteger(d) || d < 0 || d >= this.ndim)
      this.fail(entry, "dimension", `${this.describe()} has no dimension ${dim}`);
    return d;
  }

  private dropDim(d: number): Layout {
    const shape = this.shape.toSpliced(d, 1);
    const strides = this.layout.strides.toSpliced(d, 1);
    const least = this.onChip ? 2 : 1;
    if (shape.length < least) {
      shape.push(1);
      strides.push(1);
    }
    return { ...this.layout, shape, strides };
  }

  /** Replaces one -1 and checks the number of elements. */
  private fillShape(entry: Entry, shape: readonly number[], elements: number): readonly number[] {
    const open = shape.indexOf(-1);
    const filled = open < 0 ? shape : shape.with(open, elements / -product(shape));
    if (product(filled) !== elements || !filled.every((n) => Number.isInteger(n) && n > 0))
      this.fail(
        entry,
        "reshape",
        `${this.describe()}: [${shape}] does not hold its ${elements} elements`,
      );
    return filled;
  }

  private runtimeIndex(
    entry: Entry,
    index: Register | Tensor,
    range: { readonly stride: number; readonly limit: number },
  ): DynamicOffset {
    if (index instanceof Register) return { kind: "register", ...range, register: index.id };
    if (index.size !== 1 || index.space !== "sbuf")
      this.fail(
        entry,
        "run-time index",
        `${index.describe()} is no run-time index; pass one element in sbuf or a register`,
      );
    return { kind: "scalar", ...range, index: index.operandPattern() };
  }

  private mustBeDirect(entry: Entry, what: string): void {
    if (this.isIndirect)
      this.fail(
        entry,
        "run-time index",
        `${this.describe()} already has a run-time index; ${what} needs a view without one`,
      );
  }

  private fail(entry: Entry, rule: string, message: string, bounds = false): never {
    return stop(entry, `tensor ${rule}`, message, bounds ? "out of bounds" : "invalid program");
  }
}
