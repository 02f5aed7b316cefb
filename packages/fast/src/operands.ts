/** What binders make out of an instruction's operands: repeated columns, constants, accumulator registers. */
import type { Tile } from "@opentrn/isa";
import { bytesOf, type DType, dtypeId } from "@opentrn/numerics";
import type { BindRequest } from "./bind.ts";

/** Thrown inside a binder that cannot serve a request; the instruction then runs through its reference meaning. */
export class NoFastPath extends Error {}

export class Operands {
  private readonly words: Int32Array;
  private readonly request: BindRequest;

  constructor(request: BindRequest) {
    this.words = request.area.words;
    this.request = request;
  }

  get attr(): Readonly<Record<string, unknown>> {
    return this.request.call.attr;
  }

  shape(name: string): Tile {
    const t = this.request.call.tile[name];
    if (!t) throw new NoFastPath();
    return t;
  }

  /** Raw-bit kernels want elements of one width. */
  sameWidth(...names: string[]): void {
    const widths = names.map((n) => bytesOf(this.shape(n).dtype));
    if (widths.some((w) => w !== widths[0])) throw new NoFastPath();
  }

  has(name: string): boolean {
    return this.request.operands[name]?.kind === "tile";
  }

  /** Descriptor of a tile operand. */
  tile(name: string): number {
    const o = this.request.operands[name];
    if (o?.kind !== "tile") throw new NoFastPath();
    return o.descriptor;
  }

  /** Descriptor of an operand repeated to the shape of tile `like`: a number everywhere, or a (P, 1) column along the free dims. */
  repeated(name: string, like: string, absent = 0): number {
    const counts = this.shape(like).shape;
    const o = this.request.operands[name];
    if (o === undefined || o.kind === "number") return this.constant(o?.value ?? absent, counts);
    if (o.dynamic) throw new NoFastPath();
    const from = o.descriptor >>> 2;
    // The column's own free dimensions all count one: only its partition stride matters.
    return this.request.area.descriptor(this.words[from]!, this.words[from + 1]!, [
      [this.words[from + 3]!, counts[0]!],
      ...counts.slice(1).map((n) => [0, n] as const),
    ]);
  }

  /** The same for raw bits: a number as two's complement of `dtype`, a column only when its elements are as wide. */
  repeatedBits(name: string, like: string, dtype: DType): number {
    const o = this.request.operands[name];
    if (o?.kind === "tile") {
      if (bytesOf(this.shape(name).dtype) !== bytesOf(dtype)) throw new NoFastPath();
      return this.repeated(name, like);
    }
    const { shape } = this.shape(like);
    return this.request.area.descriptor(
      this.request.area.bits(o?.value ?? 0),
      dtypeId[dtype],
      shape.map((n) => [0, n] as const),
    );
  }

  /** Descriptor of one fp32 value a partition of tile `like`: a number, or a float32 column as it lies. */
  column(name: string, like: string): number {
    const o = this.request.operands[name];
    if (o?.kind !== "tile") return this.constant(o?.value ?? 0, [this.shape(like).partitions]);
    if (this.shape(name).dtype !== "float32" || this.shape(name).free !== 1) throw new NoFastPath();
    return o.descriptor;
  }

  /** The affine function of `iota` and `affine_select` as a descriptor: offset for address, steps for strides. */
  affine(like: string): number {
    const pattern = this.attr["pattern"] as readonly number[];
    const dims: [number, number][] = [
      [this.attr["channel_multiplier"] as number, this.shape(like).partitions],
    ];
    for (let i = 0; i < pattern.length; i += 2) dims.push([pattern[i]!, pattern[i + 1]!]);
    if (dims.length > 5) throw new NoFastPath();
    return this.request.area.descriptor(this.attr["offset"] as number, dtypeId.int32, dims);
  }

  /** Descriptor of one fp32 number for every element of `counts`. */
  constant(value: number, counts: readonly number[]): number {
    return this.request.area.descriptor(
      this.request.area.number(value),
      dtypeId.float32,
      counts.map((n) => [0, n] as const),
    );
  }

  /** Descriptor of the accumulator registers that serve tile `name`'s partitions. */
  accumulators(which: "scalarAccumulator" | "vectorAccumulator", name: string): number {
    const t = this.shape(name);
    const address = this.request.state[which] + 4 * t.startPartition;
    return this.request.area.descriptor(address, dtypeId.float32, [[4, t.partitions]]);
  }
}
