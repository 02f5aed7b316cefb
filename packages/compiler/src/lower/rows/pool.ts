/**
 * Buffers in SBUF that tiles of different types take in turn. What was given back longest ago is taken first, and there are several times
 * as many buffers of a size as are in use at once, so that later blocks start while earlier ones are still being worked on.
 */
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

/** Buffers of one size. */
interface Shelf {
  readonly free: Slot[];
  made: number;
  /** Most in use at once so far. */
  most: number;
}

const LINE = 64;

export class TilePool {
  private readonly emit: Emitter;
  private readonly budget: number;
  private readonly depth: number;
  private readonly shelves = new Map<number, Shelf>();
  private total = 0;

  /**
   * `budget` is bytes of a partition; when it is spent, buffers are reused as soon as they are free. `depth` is how many buffers of a
   * size there are at most for each one in use: where phases of work need different sizes, the first one must not take everything.
   */
  constructor(emit: Emitter, budget: number, depth = Number.POSITIVE_INFINITY) {
    this.emit = emit;
    this.depth = depth;
    this.budget = budget;
  }

  /** A dense tile [partitions, ...counts]. */
  take(dtype: DType, counts: readonly number[]): { readonly view: View; readonly slot: Slot } {
    const elements = counts.slice(1).reduce((n, c) => n * c, 1);
    const slot = this.slot(Math.ceil((elements * bytesOf(dtype)) / LINE) * LINE);
    slot.holders = 1;
    return { view: View.whole(slot.storage, "sbuf", dtype, counts), slot };
  }

  private slot(bytes: number): Slot {
    const shelf = this.shelves.get(bytes) ?? { free: [], made: 0, most: 0 };
    this.shelves.set(bytes, shelf);
    shelf.most = Math.max(shelf.most, shelf.made - shelf.free.length + 1);
    const room = this.total + bytes <= this.budget;
    if (room && shelf.made < this.depth * shelf.most) return this.make(shelf, bytes);
    const free = shelf.free.shift();
    if (free) return free;
    this.makeRoom(bytes);
    return this.make(shelf, bytes);
  }

  /** Gives up free buffers of other sizes: what is never used again leaves its place to others when tensors are placed. */
  private makeRoom(bytes: number): void {
    while (this.total + bytes > this.budget) {
      let best: readonly [bytes: number, shelf: Shelf] | undefined;
      for (const [n, shelf] of this.shelves)
        if (
          shelf.free.length > 0 &&
          n * shelf.free.length > (best ? best[0] * best[1].free.length : 0)
        )
          best = [n, shelf];
      if (!best) return;
      best[1].free.shift();
      best[1].made--;
      this.total -= best[0];
    }
  }

  private make(shelf: Shelf, bytes: number): Slot {
    shelf.made++;
    this.total += bytes;
    const partitions = this.emit.chip.partitions.value;
    const made = this.emit.sbuf("uint8", [partitions, bytes], "tile");
    return { storage: made.pattern.storage, bytes, holders: 0 };
  }

  /** One tile less looks at the buffer. */
  give(slot: Slot): void {
    invariant(slot.holders > 0, "a buffer is given back once for each tile");
    slot.holders--;
    if (slot.holders === 0) this.shelves.get(slot.bytes)!.free.push(slot);
  }
}
