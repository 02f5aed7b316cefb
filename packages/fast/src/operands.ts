/** What binders make out of an instruction's operands: repeated columns, constants, accumulator registers. */
import type { Tile } from "@opentrn/isa";
import { type DType, dtypeId } from "@opentrn/numerics";
import type { BindRequest } from "./bind.ts";
import type { Kernels } from "./kernels.ts";

/** Thrown inside a binder that cannot serve a request; the instruction then runs through its reference meaning. */
export class NoFastPath extends Error {}

export class Operands {
  private readonly words: Int32Array;
  private readonly floats: Float32Array;
  private readonly request: BindRequest;

  constructor(kernels: Kernels, request: BindRequest) {
    this.words = new Int32Array(kernels.memory.buffer);
    this.floats = new Float32Array(kernels.memory.buffer);
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
    return this.descriptor(this.words[from]!, this.words[from + 1]!, [
      [this.words[from + 3]!, counts[0]!],
      ...counts.slice(1).map((n) => [0, n] as const),
    ]);
  }

  /** Descriptor of one fp32 number for every element of `counts`. */
  constant(value: number, counts: readonly number[]): number {
    const at = this.request.allocate(8);
    this.floats[at >>> 2] = value;
    return this.descriptor(
      at,
      dtypeId.float32,
      counts.map((n) => [0, n] as const),
    );
  }

  /** Descriptor of the accumulator registers that serve tile `name`'s partitions. */
  accumulators(which: "scalarAccumulator" | "vectorAccumulator", name: string): number {
    const t = this.shape(name);
    const address = this.request.state[which] + 4 * t.startPartition;
    return this.descriptor(address, dtypeId.float32, [[4, t.partitions]]);
  }

  /** A descriptor that sees another's bytes as `dtype`, for tiles of the same element width. */
  as(descriptor: number, dtype: DType, dynamic: boolean): number {
    if (dynamic) throw new NoFastPath();
    const from = descriptor >>> 2;
    const rank = this.words[from + 2]!;
    const at = this.request.allocate(12 + 8 * rank);
    this.words.copyWithin(at >>> 2, from, from + 3 + 2 * rank);
    this.words[(at >>> 2) + 1] = dtypeId[dtype];
    return at;
  }

  private descriptor(
    address: number,
    dtype: number,
    dims: readonly (readonly [number, number])[],
  ): number {
    const at = this.request.allocate(12 + 8 * dims.length);
    const w = at >>> 2;
    this.words[w] = address;
    this.words[w + 1] = dtype;
    this.words[w + 2] = dims.length;
    dims.forEach(([stride, count], i) => {
      this.words[w + 3 + 2 * i] = stride;
      this.words[w + 4 + 2 * i] = count;
    });
    return at;
  }
}
