/**
 * Attention, forward: the stages of a step, which makes a block of 1024 columns of scores for one or more tiles of queries.
 *
 * score (TensorE): scores = q k^T, plus the causal mask where the diagonal passes through
 * peak (VectorE, GpSimd): the row maximum, kept as -scale x maximum
 * weigh (ScalarE): weights = exp(scale x score - scale x maximum) in the operands' type, and their sums in fp32
 * turn (DMA, some TensorE): weights with keys on partitions
 * collect (TensorE): weights v; in PSUM for tiles whose keys fit one block, otherwise VectorE adds it to a running sum
 * finish (VectorE): o = products / sums
 */
import type { AttentionConfig, AttentionSizes } from "@opentrn/ir";
import { records } from "@opentrn/isa";
import { bytesOf } from "@opentrn/numerics";
import { type Emitter, ring } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import { Tally } from "./balance.ts";
import { lastSeen, type Mask, makeMask } from "./constants.ts";
import type { ForwardTensors } from "./forward.ts";
import { tokensOf } from "./loads.ts";
import type { Step } from "./packing.ts";
import type { Stage } from "./pipeline.ts";
import { P, type Segment } from "./plan.ts";
import { Products } from "./products.ts";
import { Rows } from "./rows.ts";
import { hide, score } from "./scores.ts";
import { Softmax } from "./softmax.ts";
import { lazily, type Reads } from "./sources.ts";
import { reused, turn, turnThrough } from "./turn.ts";

/** Columns of a block of scores. */
export const BLOCK = 1024;

type Work = Step<Reads>;

/** Rounds from one stage of a step to another. */
export interface ForwardLags {
  /** From loads to scores. */
  readonly score: number;
  /** From scores to products: turning weights takes transfers that long. */
  readonly collect: number;
}

/** Rounds in which the stages of a step are issued. */
const delaysOf = ({ score, collect }: ForwardLags) => ({
  load: 0,
  score,
  turn: score + 1,
  // After the scores that wait for these weights' scores to be free, so that TensorE does not wait twice.
  turnHere: score + Math.min(3, collect - 1),
  collect: score + collect,
});

/** Bytes of a partition that blocks of weights under way take. */
export const underWay = ({ collect }: ForwardLags, width: number): number =>
  (2 * collect - 1) * BLOCK * width;

/** Steps at the end whose weights TensorE turns: nothing is left to do while a transfer would be under way. */
const LAST = 3;

export interface ForwardOptions {
  readonly lags: ForwardLags;
  /** Of weights that TensorE turns. */
  readonly share: number;
  readonly steps: number;
}

export class ForwardStages {
  readonly stages: readonly Stage<Work>[];
  private readonly emit: Emitter;
  private readonly sizes: AttentionSizes;
  private readonly options: ForwardOptions;
  private readonly tally: Tally;
  private readonly rows: Rows;
  private readonly softmax: Softmax;
  private readonly products: Products;
  private readonly mask: Mask | undefined;
  private readonly scores: (n: number) => View;
  private readonly weights: (n: number) => View;
  private readonly turned: (n: number) => View;
  private readonly turning: () => View;
  private turns = 0;

  constructor(
    emit: Emitter,
    sizes: AttentionSizes,
    { causal, scale }: AttentionConfig,
    { q, o, lse, start }: ForwardTensors,
    options: ForwardOptions,
  ) {
    const delays = delaysOf(options.lags);
    this.stages = [
      [(w) => this.load(w), delays.load],
      [(w, n) => this.score(w, n), delays.score],
      [({ segments }, n) => this.softmax.peak(segments, n, this.scores(n)), delays.score],
      [(w, n) => this.weigh(w, n), delays.score],
      [(w, n) => this.turn(w, n), delays.turn],
      [(w, n) => this.turnHere(w, n), delays.turnHere],
      [(w, n) => this.collect(w, n), delays.collect],
    ];
    this.emit = emit;
    this.sizes = sizes;
    this.options = options;
    const { dtype } = q;
    const tally = new Tally(emit.chip);
    this.tally = tally;
    this.rows = new Rows(emit, sizes, lse);
    const lag = delays.collect - delays.score + 1;
    const last = start && lastSeen(emit, start, Math.ceil(sizes.n / P));
    const bound = last && ((segment: Segment): View | undefined => boundOf(last, segment));
    const { rows } = this;
    this.softmax = new Softmax(emit, { scale, rows, tally, segments: BLOCK / P, lag, bound });
    this.products = new Products(emit, { sizes, tally, o, dtype, banks: banksFor(options.share) });
    this.mask = causal && sizes.n > 1 ? makeMask(emit) : undefined;
    this.scores = ring(3, () => emit.psum("float32", [P, BLOCK], "scores"));
    const whole = sizes.n % P === 0 && sizes.m % P === 0;
    const kept = Math.max(delays.collect - delays.turn, delays.turnHere - delays.score + 1);
    this.weights = ring(kept, () => {
      const made = emit.sbuf(dtype, [P, BLOCK], "weights");
      // Whole chunks are turned; what no query or key stands for is read, though never used.
      if (!whole) emit.emit(records.memset, { dst: made, value: 0 }, { engine: "gpsimd" });
      return made;
    });
    this.turned = ring(delays.collect - delays.turn + 1, () =>
      emit.sbuf(dtype, [P, BLOCK / P, P], "weights_turned"),
    );
    const halves = lazily(() =>
      emit.psum(dtype, [P, 2, HALF_BANK / (P * bytesOf(dtype)), P], "turning"),
    );
    this.turning = () => halves().at(1, this.turns++ % 2);
  }

  private load({ segments }: Work): void {
    for (const { keys, queries } of segments) {
      queries.load();
      keys.load();
    }
  }

  private score({ segments }: Work, n: number): void {
    for (const segment of segments) {
      const { batch, tile, from, to, at, keys, queries } = segment;
      const { heads, queries: range } = batch.panel;
      const row = tile.from - range[0];
      const [head, group] = [tile.head - heads[0], this.group(tile.head) - keys.group];
      const block = this.scores(n).slice(0, 0, tile.rows);
      score(this.emit, block, at, {
        queries: tokensOf(queries.load(), head, row, row + tile.rows),
        keys: tokensOf(keys.load().k, group, from - keys.from, to - keys.from),
      });
      if (this.mask) hide(this.emit, this.mask, block, at, segment);
    }
  }

  private group(head: number): number {
    return Math.floor(head / this.sizes.r);
  }

  private weigh({ segments }: Work, n: number): void {
    this.softmax.weigh(segments, n, this.scores(n), this.weights(n));
    for (const { batch, closes } of segments) if (closes) this.rows.finished(batch);
  }

  private turn({ chunks }: Work, n: number): void {
    if (!this.byTensor(n) && !this.isLate(n))
      turn(this.emit, this.turned(n).slice(1, 0, chunks), this.weights(n));
  }

  private turnHere({ chunks }: Work, n: number): void {
    if (!this.byTensor(n) && !this.isLate(n)) return;
    const block = reused(this.scores(n), this.weights(n).dtype);
    const half = HALF_BANK / (P * bytesOf(block.dtype));
    let at = 0;
    const via = (): View => {
      if (!this.isLate(n)) return this.turning();
      // The block's own scores are not needed any more, and no others want their place.
      at += half;
      return block.slice(1, at - half, at);
    };
    turnThrough(this.emit, this.tally, this.turned(n).slice(1, 0, chunks), this.weights(n), via);
  }

  private byTensor(n: number): boolean {
    const { share } = this.options;
    return Math.floor((n + 1) * share) > Math.floor(n * share);
  }

  private isLate(n: number): boolean {
    return n >= this.options.steps - LAST;
  }

  private collect({ segments, chunks }: Work, n: number): void {
    for (const segment of segments) {
      const { batch, tile, from, at, keys, closes } = segment;
      const { v } = keys.load();
      const group = this.group(tile.head) - keys.group;
      const first = (from - keys.from) / P;
      this.products.add(
        segment,
        this.turned(n).slice(1, at / P, chunks),
        (chunk) => v.at(1, first + chunk).at(1, group),
        this.softmax.correction(segment, n),
      );
      if (!closes) continue;
      this.products.finish(batch, this.softmax.columns(batch).sum);
      this.softmax.drop(batch);
    }
  }

  /** What remains when all steps are done. */
  end(): void {
    this.rows.end();
  }
}

/** The last keys that a tile's queries see; undefined where even the first one sees all of the segment, whatever the start. */
function boundOf(last: View, { tile, to }: Segment): View | undefined {
  if (to - 1 <= tile.from) return undefined;
  const column = tile.from / P;
  return last.slice(0, 0, tile.rows).slice(1, column, column + 1);
}

/** Bytes of half a PSUM bank, where products and turned weights take half a bank at a time. */
const HALF_BANK = 1024;

/** PSUM banks for products: one less where TensorE turns weights. */
export const banksFor = (share: number): 1 | 2 => (share > 0 ? 1 : 2);
