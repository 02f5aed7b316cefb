/** The online softmax of forward attention: running maxima and sums of every query, and weights. */
import { records } from "@opentrn/isa";
import { type Emitter, ring } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import type { Tally } from "./balance.ts";
import { filled } from "./constants.ts";
import { HiddenKeys } from "./hidden-keys.ts";
import { type Batch, P, type Segment } from "./plan.ts";
import type { Columns, Rows } from "./rows.ts";

/** Instructions that GpSimd has less than ScalarE: transfers from SBUF are issued by the one with fewer (docs/time.md). */
const SPARE = 12;

export interface SoftmaxOptions {
  readonly scale: number;
  readonly rows: Rows;
  readonly tally: Tally;
  /** Most segments of a step. */
  readonly segments: number;
  /** Steps that may be under way between weights and products. */
  readonly lag: number;
  /** Last key that each query of a tile sees, fp32 [rows, 1], where only the run knows; undefined where it sees all that it is given. */
  readonly bound?: ((segment: Segment) => View | undefined) | undefined;
}

export class Softmax {
  private readonly emit: Emitter;
  private readonly options: SoftmaxOptions;
  /** The scale, and minus the scale, in every partition. */
  private readonly factors: readonly [View, View];
  private readonly hidden: HiddenKeys;
  private readonly held = new Map<Batch, Columns>();
  /** [128, 2, segments]: a step's own -scale x maximum and sum, of tiles that have others before. */
  private readonly own: (n: number) => View;
  private readonly corrections: (n: number) => View;
  /** Segments whose scores were multiplied by -scale. */
  private readonly scaled = new WeakSet<Segment>();
  /** Instructions so far. */
  private gpsimd = 0;
  private scalar = 0;

  constructor(emit: Emitter, options: SoftmaxOptions) {
    this.emit = emit;
    this.options = options;
    const { scale, segments, lag } = options;
    this.factors = [filled(emit, scale, 1, "scale"), filled(emit, -scale, 1, "minus_scale")];
    this.hidden = new HiddenKeys(emit, segments * P);
    this.own = ring(3, () => emit.sbuf("float32", [P, 2, segments], "own_rows"));
    this.corrections = ring(lag, () => emit.sbuf("float32", [P, segments], "correction"));
  }

  /** Columns of a batch. */
  columns(batch: Batch): Columns {
    const known = this.held.get(batch) ?? this.options.rows.columns(batch);
    this.held.set(batch, known);
    return known;
  }

  private column(columns: View, { tile }: Segment): View {
    return columns.slice(0, 0, tile.rows).slice(1, tile.slot, tile.slot + 1);
  }

  /** -scale x maximum up to this segment and up to the one before. */
  private negatives(segment: Segment): { now: View; before: View } {
    const { negative } = this.columns(segment.batch);
    const [now, before] = segment.after % 2 === 0 ? negative : [negative[1], negative[0]];
    return { now: this.column(now, segment), before: this.column(before, segment) };
  }

  private cell(columns: View, { tile, at }: Segment): View {
    return columns.slice(0, 0, tile.rows).slice(1, at / P, at / P + 1);
  }

  /** exp(scale x (maximum before - maximum now)): what a tile's sums so far are multiplied by, [rows, 1]. */
  correction(segment: Segment, n: number): View {
    return this.cell(this.corrections(n), segment);
  }

  /** VectorE, and GpSimd where it has few instructions: -scale x maximum of the scores in `block`. */
  peak(segments: readonly Segment[], n: number, block: View): void {
    for (const segment of segments) {
      const { now, before } = this.negatives(segment);
      const first = segment.before === 0;
      const mine = first ? now : this.cell(this.own(n).at(1, 0), segment);
      const wanted = first ? 1 : 2;
      const helped = this.gpsimd + wanted + SPARE < this.scalar;
      if (helped) this.gpsimd += wanted;
      this.maximum(segment, mine, scoresOf(block, segment), helped);
      if (!first)
        this.emit.emit(
          records.tensorTensor,
          { dst: now, data1: mine, data2: before },
          { op: "minimum", engine: helped ? "gpsimd" : "vector" },
        );
    }
  }

  private maximum(segment: Segment, dst: View, data: View, helped: boolean): void {
    const { emit } = this;
    const { scale, tally } = this.options;
    tally.add("vector", tally.cost("vector", data.free));
    const bound = this.options.bound?.(segment);
    if (bound) {
      this.hidden.maximum(dst, data, bound, segment.from);
      this.multiply(dst, -scale, helped);
      return;
    }
    if (helped) {
      const reduce = { op: "maximum", axis: [1], negate: true };
      emit.emit(records.tensorReduce, { dst, data }, reduce);
      this.multiply(dst, scale, helped);
      return;
    }
    // One instruction that scales the scores where they stand: longer than a maximum, shorter than one and a multiplication.
    this.scaled.add(segment);
    tally.add("vector", tally.cost("vector", 1));
    emit.emit(
      records.tensorScalarReduce,
      { dst: data, data, operand0: -scale, reduce_res: dst },
      { op0: "multiply", reduce_op: "minimum" },
    );
  }

  /** A column times +-scale. */
  private multiply(dst: View, by: number, helped: boolean): void {
    const { emit } = this;
    if (helped) {
      const data2 = this.factors[by < 0 ? 1 : 0].slice(0, 0, dst.partitions);
      emit.emit(
        records.tensorTensor,
        { dst, data1: dst, data2 },
        { op: "multiply", engine: "gpsimd" },
      );
    } else
      emit.emit(
        records.tensorScalar,
        { dst, data: dst, operand0: by },
        { op0: "multiply", engine: "vector" },
      );
  }

  /** ScalarE: weights = exp(scale x (score - maximum)), rounded, and their sums before that. */
  weigh(segments: readonly Segment[], n: number, block: View, weights: View): void {
    for (const segment of segments) {
      const { now, before } = this.negatives(segment);
      const sum = this.column(this.columns(segment.batch).sum, segment);
      const correction = this.correction(segment, n);
      const first = segment.before === 0;
      const mine = first ? sum : this.cell(this.own(n).at(1, 1), segment);
      if (!first) this.exp({ dst: correction, data: before, scale: -1, bias: now });
      this.exp({
        dst: scoresOf(weights, segment),
        data: scoresOf(block, segment),
        scale: this.scaled.has(segment) ? -1 : this.options.scale,
        bias: now,
        sum: mine,
      });
      if (first) continue;
      // sum x correction + mine
      this.emit.emit(
        records.activation,
        { dst: sum, data: sum, scale: correction, bias: mine },
        { op: "copy" },
      );
      this.count(1);
    }
  }

  private exp(of: { dst: View; data: View; scale: number; bias: View; sum?: View }): void {
    const { dst, data, scale, bias, sum } = of;
    this.emit.emit(
      records.activation,
      { dst, data, scale, bias, reduce_res: sum },
      sum ? { op: "exp", reduce_op: "add", reduce_cmd: "reset_reduce" } : { op: "exp" },
    );
    this.count(data.free);
    if (sum) this.options.tally.add("scalar", this.options.tally.cost("scalar", 1));
  }

  /** One more instruction of ScalarE. */
  private count(elements: number): void {
    const { tally } = this.options;
    tally.add("scalar", tally.cost("scalar", elements, true));
    this.scalar++;
  }

  /** Nothing of the batch is asked for any more. */
  drop(batch: Batch): void {
    this.held.delete(batch);
  }
}

/** A segment's columns of a block, [rows, keys]. */
const scoresOf = (block: View, { tile, from, to, at }: Segment): View =>
  block.slice(0, 0, tile.rows).slice(1, at, at + to - from);
