/** Emits prologues: blocks of an operand are computed in tiles of their own and moved to where the array takes them by DMA. */
import { invariant } from "@opentrn/base";
import type { Value } from "@opentrn/ir";
import { records } from "@opentrn/isa";
import type { Emitter, Pending } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import { Block } from "../rows/block.ts";
import { fullTiles, type Held, restRows } from "./k-tiles.ts";
import type { Planned, PlannedPrologue } from "./plan.ts";
import type { Chunk } from "./units.ts";

/** Part of a chunk: instructions on tiles of one lane. */
export interface Piece {
  readonly lane: Block;
  readonly work: readonly Pending[];
}

/** Results in memory of values that a prologue makes on the way. */
export type Also = readonly { readonly value: Value; readonly tensor: View }[];

export class Prepare {
  private readonly emit: Emitter;
  private readonly operand: Planned;
  private readonly prologue: PlannedPrologue;
  /** Columns of one batch index. */
  private readonly width: number;
  private readonly bind: (v: Value) => View;
  private readonly also: Also;
  private readonly lanes: readonly Block[];
  private count = 0;

  constructor(
    emit: Emitter,
    operand: Planned,
    width: number,
    bind: (v: Value) => View,
    also: Also,
  ) {
    const { prologue } = operand;
    invariant(prologue, "the operand is computed");
    this.emit = emit;
    this.operand = operand;
    this.prologue = prologue;
    this.width = width;
    this.bind = bind;
    this.also = also;
    this.lanes = Array.from({ length: prologue.lanes }, () => {
      const block = Block.of({ ...prologue.spec, budget: prologue.budget }, emit);
      invariant(typeof block !== "string", "refuses has asked before");
      return block;
    });
  }

  /** The parts that compute a chunk, in order. */
  chunk(chunk: Chunk, into: Held): readonly Piece[] {
    return this.prologue.turned ? this.turned(chunk, into) : this.straight(chunk, into);
  }

  /** One block: `move` brings its result, [rows, columns], to the chunk. */
  private piece(
    rows: readonly [number, number],
    columns: readonly [number, number],
    move: (tile: View) => void,
  ): Piece {
    const lane = this.lanes[this.count++ % this.lanes.length]!;
    const work = this.emit.collect(() => {
      const made = lane.emit({ rows, columns, bind: this.bind });
      move(made.get(this.operand.value)!);
      for (const { value, tensor } of this.also) lane.store(value, tensor);
    });
    return { lane, work };
  }

  /** Columns of the operand on partitions, K along them: transposed on chip. */
  private turned(chunk: Chunk, into: Held): readonly Piece[] {
    const { layout } = this.operand;
    const { height, K } = layout;
    const pieces: Piece[] = [];
    const full = Math.min(chunk.kTo, fullTiles(layout));
    const most = this.emit.chip.partitions.value;
    for (let m = chunk.from; m < chunk.to; m += most) {
      const mTo = Math.min(chunk.to, m + most);
      const row = chunk.batch * this.width;
      const at = [m - chunk.from, mTo - chunk.from] as const;
      for (let t = chunk.kFrom; t < chunk.kTo; t += this.prologue.blockTiles) {
        const tTo = Math.min(chunk.kTo, t + this.prologue.blockTiles);
        const [k, kTo] = [t * height, Math.min(K, tTo * height)];
        const whole = Math.max(0, Math.min(full, tTo) - t);
        pieces.push(
          this.piece([row + m, row + mTo], [k, kTo], (tile) => {
            if (whole > 0) {
              const src = tile.slice(1, 0, whole * height).reshape([mTo - m, whole, height]);
              const dst = into.whole!.slice(1, t - chunk.kFrom, t - chunk.kFrom + whole);
              this.emit.emit(records.dmaTranspose, { dst: dst.slice(2, ...at), src });
            }
            if (kTo - k > whole * height) {
              const src = tile.slice(1, whole * height, kTo - k);
              this.emit.emit(records.dmaTranspose, { dst: into.rest!.slice(1, ...at), src });
            }
          }),
        );
      }
    }
    return pieces;
  }

  /** K on partitions: moved as it is. */
  private straight(chunk: Chunk, into: Held): readonly Piece[] {
    const { layout } = this.operand;
    const { height, K } = layout;
    const pieces: Piece[] = [];
    const rest = restRows(layout) > 0;
    for (let t = chunk.kFrom; t < chunk.kTo; t++) {
      const [k, kTo] = [t * height, Math.min(K, (t + 1) * height)];
      const dst = rest && t >= fullTiles(layout) ? into.rest! : into.whole!.at(1, t - chunk.kFrom);
      const row = chunk.batch * K;
      for (let n = chunk.from; n < chunk.to; n += MOST_COLUMNS) {
        const nTo = Math.min(chunk.to, n + MOST_COLUMNS);
        pieces.push(
          this.piece([row + k, row + kTo], [n, nTo], (src) => {
            const part = dst.slice(1, n - chunk.from, nTo - chunk.from);
            this.emit.emit(records.dmaCopy, { dst: part, src });
          }),
        );
      }
    }
    return pieces;
  }
}

/** Columns of a straight block. */
const MOST_COLUMNS = 1024;

/** A piece that waits for its loads. */
interface Waiting extends Piece {
  readonly target: number;
}

/** Keeps the computing of prologues back until their loads have had time to arrive, so that engines do not wait for them. */
export class Deferred {
  private readonly emit: Emitter;
  private readonly delay: number;
  private queue: Waiting[] = [];

  /** `delay` in units. */
  constructor(emit: Emitter, delay: number) {
    this.emit = emit;
    this.delay = delay;
  }

  /** Issues the loads of a piece before unit `u`; the rest follows, before unit `first` at the latest. */
  add(piece: Piece, u: number, first: number): void {
    // Tiles of a lane are written again only when the piece before is through.
    const before = this.queue.findLastIndex((w) => w.lane === piece.lane);
    this.release(before + 1);
    const touched = new Set<number>();
    const later: Pending[] = [];
    for (const p of piece.work) {
      const { dst, src } = p.operands;
      const loads =
        p.op === records.dmaCopy &&
        dst?.kind === "tile" &&
        src?.kind === "tile" &&
        this.emit.builder.storages[src.pattern.storage]!.space === "hbm" &&
        !touched.has(dst.pattern.storage);
      for (const o of Object.values(p.operands))
        if (o.kind === "tile") touched.add(o.pattern.storage);
      if (loads) this.emit.append(p);
      else later.push(p);
    }
    this.queue.push({ ...piece, work: later, target: Math.min(first, u + this.delay) });
  }

  /** Appends what is due before unit `u`. */
  before(u: number): void {
    const due = this.queue.findLastIndex((w) => w.target <= u);
    this.release(due + 1);
  }

  private release(count: number): void {
    for (const w of this.queue.splice(0, count)) for (const p of w.work) this.emit.append(p);
  }
}
