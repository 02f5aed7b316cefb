/** Buffers in SBUF that tiles of different types take in turn. What was given back longest ago is taken first, so that engines overlap. */
import { invariant } from "@opentrn/base";
import type { DType } from "@opentrn/numerics";
import { bytesOf } from "@opentrn/numerics";
import type { Emitter } from "../../emit/emitter.ts";
import { View } from "../../emit/view.ts";

/** A buffer and how many tiles look at it. */
export interface Slot {
  readonly storage: number;
  /** Bytes of a partition. */
  readonly bytes: number;
  holders: number;
}

/** Free buffers of a size that are left alone while there is room for another one. */
const SPARE = 1000;
const LINE = 64;

export class TilePool {
  private readonly emit: Emitter;
  private readonly budget: number;
  private readonly free: Slot[] = [];
  private total = 0;

  /** `budget` is bytes of a partition; when it is spent, buffers are reused as soon as they are free. */
  constructor(emit: Emitter, budget: number) {
    this.emit = emit;
    this.budget = budget;
  }

  /** Bytes of a partition in all buffers. */
  get bytes(): number {
    return this.total;
  }

  /** A dense tile [partitions, ...counts]. */
  take(dtype: DType, counts: readonly number[]): { readonly view: View; readonly slot: Slot } {
    const elements = counts.slice(1).reduce((n, c) => n * c, 1);
    const slot = this.slot(Math.ceil((elements * bytesOf(dtype)) / LINE) * LINE);
    slot.holders = 1;
    return { view: View.whole(slot.storage, "sbuf", dtype, counts), slot };
  }

  private slot(bytes: number): Slot {
    const fits = this.free.filter((s) => s.bytes >= bytes && s.bytes <= 2 * bytes);
    const room = this.total + bytes <= this.budget;
    const found = fits.length > SPARE || !room ? fits[0] : undefined;
    const any = found ?? (room ? undefined : this.free.find((s) => s.bytes >= bytes));
    if (any) {
      this.free.splice(this.free.indexOf(any), 1);
      return any;
    }
    this.total += bytes;
    const partitions = this.emit.chip.partitions.value;
    const made = this.emit.sbuf("uint8", [partitions, bytes], "tile");
    return { storage: made.pattern.storage, bytes, holders: 0 };
  }

  /** One tile less looks at the buffer. */
  give(slot: Slot): void {
    invariant(slot.holders > 0, "a buffer is given back once for each tile");
    slot.holders--;
    if (slot.holders === 0) this.free.push(slot);
  }
}
