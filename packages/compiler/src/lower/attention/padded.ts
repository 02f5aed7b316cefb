/**
 * Buffers whose features beyond d are zeros up to all 128 partitions, so that a matmul uses all rows of TensorE (balance.ts). They are
 * cleared once and then used in turn by loads that come after each other.
 */
import { records } from "@opentrn/isa";
import type { DType } from "@opentrn/numerics";
import type { Emitter } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import type { Stay } from "./ledger.ts";
import type { Room } from "./loads.ts";
import { P } from "./plan.ts";
import { ringSize } from "./rings.ts";

export class PaddedPool {
  private readonly emit: Emitter;
  private readonly dtype: DType;
  private readonly name: string;
  private readonly engine: "vector" | "gpsimd";
  private readonly uses: Stay[] = [];
  private readonly buffers: View[] = [];
  private size = 0;
  private count = 0;

  constructor(emit: Emitter, dtype: DType, name: string, engine: "vector" | "gpsimd") {
    this.emit = emit;
    this.dtype = dtype;
    this.name = name;
    this.engine = engine;
  }

  /** Announces a load of so many elements a partition; all are announced, and their steps named, before the first is made. */
  announce(elements: number, stay: Stay): void {
    this.size = Math.max(this.size, elements);
    this.uses.push(stay);
  }

  /** Room for a load. `lag`: rounds from a step's loads to its last reading of them. */
  room(stay: Stay, lag: number): Room {
    const index = this.uses.indexOf(stay);
    return (features, heads, tokens) => {
      this.count ||= ringSize(this.uses.map((u) => ({ from: u.first, to: u.last + lag })));
      const at = index % this.count;
      const buffer = this.buffers[at] ?? this.make(features);
      this.buffers[at] = buffer;
      return buffer.slice(1, 0, heads * tokens).reshape([P, heads, tokens]);
    };
  }

  private make(features: number): View {
    const made = this.emit.sbuf(this.dtype, [P, this.size], this.name);
    // An engine starts at a quarter of the partitions and spans at most what lies behind it (rule G2).
    for (let start = Math.floor(features / 32) * 32; start < P; ) {
      const end = start < 64 ? 64 : P;
      if (features < end)
        this.emit.emit(
          records.memset,
          { dst: made.slice(0, start, end), value: 0 },
          { engine: this.engine },
        );
      start = end;
    }
    return made;
  }
}
