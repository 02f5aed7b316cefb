/**
 * Attention, forward: the stages of a step, which makes a block of 1024 columns of scores for one or more tiles of queries.
 *
 * score (TensorE): scores = q k^T, plus the causal mask where the diagonal passes through
 * peak (VectorE, GpSimd): the row maximum, kept as -scale x maximum
 * weigh (ScalarE): weights = exp(scale x score - scale x maximum) in the operands' type, and their sums in fp32
 * turn (DMA): weights with keys on partitions
 * collect (TensorE): weights v; in PSUM for tiles whose keys fit one block, otherwise VectorE adds it to a running sum
 * finish (VectorE): o = products / sums
 */
import type { AttentionConfig, AttentionSizes } from "@opentrn/ir";
import { records } from "@opentrn/isa";
import { type Emitter, ring } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import { filled, type Mask, makeMask } from "./constants.ts";
import type { ForwardTensors } from "./forward.ts";
import { storeTokens, type Turned, tokensOf } from "./loads.ts";
import type { Stage } from "./pipeline.ts";
import { type Batch, P, type Segment, type Step } from "./plan.ts";
import { type Columns, Rows } from "./rows.ts";

/** fp32 elements of a PSUM bank: the columns of one matmul. */
export const BANK = 512;
/** Columns of a block of scores. */
export const BLOCK = 1024;
/** Segments of a step. */
const SEGMENTS = BLOCK / P;

/** A step with what it reads. Loading is issued when first asked for. */
export interface Work {
  readonly step: Step;
  readonly keys: {
    readonly load: () => { readonly k: Turned; readonly v: View };
    /** First key and first key head of what is loaded. */
    readonly from: number;
    readonly group: number;
  };
  readonly queries: { readonly load: () => Turned };
}

/** Rounds from loads to scores, from scores to transposed weights, and to products: transfers take that long. */
const delays = { load: 0, score: 6, peak: 6, weigh: 6, turn: 7, collect: 11 } as const;

export const stageDelays = (s: ForwardStages): readonly Stage<Work>[] => [
  [(w) => s.load(w), delays.load],
  [(w, n) => s.score(w, n), delays.score],
  [(w, n) => s.peak(w, n), delays.peak],
  [(w, n) => s.weigh(w, n), delays.weigh],
  [(w, n) => s.turn(w, n), delays.turn],
  [(w, n) => s.collect(w, n), delays.collect],
];

/** Parts of [from, to) that lie in one PSUM bank each. */
export function* bankParts(from: number, to: number): Generator<readonly [number, number]> {
  for (let at = from; at < to; ) {
    const end = Math.min(to, (Math.floor(at / BANK) + 1) * BANK);
    yield [at, end];
    at = end;
  }
}

export class ForwardStages {
  private readonly emit: Emitter;
  private readonly sizes: AttentionSizes;
  private readonly config: AttentionConfig;
  private readonly tensors: ForwardTensors;
  private readonly rows: Rows;
  private readonly columns = new Map<Batch, Columns>();
  private readonly totals = new Map<Batch, View>();
  private readonly mask: Mask | undefined;
  private readonly scale: View;
  private readonly scores: (n: number) => View;
  private readonly weights: (n: number) => View;
  private readonly turned: (n: number) => View;
  private readonly banks: (n: number) => View;
  /** [128, 2, segments]: a step's own -scale x maximum and sum, of tiles that have others before. */
  private readonly own: (n: number) => View;
  private readonly corrections: (n: number) => View;
  private bank = 0;

  constructor(
    emit: Emitter,
    sizes: AttentionSizes,
    config: AttentionConfig,
    tensors: ForwardTensors,
  ) {
    this.emit = emit;
    this.sizes = sizes;
    this.config = config;
    this.tensors = tensors;
    this.rows = new Rows(emit, sizes, tensors.lse);
    const { n, m } = sizes;
    const { dtype } = tensors.q;
    this.mask = config.causal && n > 1 ? makeMask(emit) : undefined;
    this.scale = filled(emit, config.scale, 1, "scale");
    this.scores = ring(3, () => emit.psum("float32", [P, BLOCK], "scores"));
    const whole = n % P === 0 && m % P === 0;
    this.weights = ring(3, () => {
      const made = emit.sbuf(dtype, [P, BLOCK], "weights");
      // Whole chunks are turned; what no query or key stands for is read, though never used.
      if (!whole) emit.emit(records.memset, { dst: made, value: 0 }, { engine: "gpsimd" });
      return made;
    });
    this.turned = ring(delays.collect - delays.turn + 1, () =>
      emit.sbuf(dtype, [P, SEGMENTS, P], "weights_turned"),
    );
    this.banks = ring(2, () => emit.psum("float32", [P, BANK], "products"));
    this.own = ring(3, () => emit.sbuf("float32", [P, 2, SEGMENTS], "own_rows"));
    this.corrections = ring(delays.collect - delays.weigh + 1, () =>
      emit.sbuf("float32", [P, SEGMENTS], "correction"),
    );
  }

  load({ keys, queries }: Work): void {
    keys.load();
    queries.load();
  }

  score({ step, keys, queries }: Work, n: number): void {
    const { k } = keys.load();
    const q = queries.load();
    const { heads, queries: range } = step.batch;
    for (const segment of step.segments) {
      const { tile, from, to, at } = segment;
      const mine = tokensOf(
        q,
        tile.head - heads[0],
        tile.from - range[0],
        tile.from - range[0] + tile.rows,
      );
      const theirs = tokensOf(
        k,
        this.group(tile.head) - keys.group,
        from - keys.from,
        to - keys.from,
      );
      const block = this.scores(n).slice(0, 0, tile.rows);
      for (const [start, end] of bankParts(at, at + to - from))
        mine.forEach((stationary, f) => {
          const moving = theirs[f]!.slice(1, start - at, end - at);
          this.emit.emit(
            records.ncMatmul,
            { dst: block.slice(1, start, end), stationary, moving },
            { accumulate: f > 0 },
          );
        });
      this.hide(segment, block);
    }
  }

  /** Adds the mask to the last columns of a tile, of which its last query sees all. */
  private hide({ tile, from, to, at }: Segment, block: View): void {
    const { mask, emit } = this;
    const diagonal = tile.keys - tile.rows;
    const start = Math.max(from, diagonal);
    if (!mask || start >= to || tile.rows === 1) return;
    const stationary = mask.identity.slice(0, 0, tile.rows).slice(1, 0, tile.rows);
    const shift = at - from;
    for (const [left, right] of bankParts(start + shift, to + shift)) {
      const moving = mask.below
        .slice(0, 0, tile.rows)
        .slice(1, left - shift - diagonal, right - shift - diagonal);
      emit.emit(
        records.ncMatmul,
        { dst: block.slice(1, left, right), stationary, moving },
        { accumulate: true },
      );
    }
  }

  private group(head: number): number {
    return Math.floor(head / this.sizes.r);
  }

  private column(columns: View, { tile }: Segment): View {
    return columns.slice(0, 0, tile.rows).slice(1, tile.slot, tile.slot + 1);
  }

  private columnsOf(batch: Batch): Columns {
    const known = this.columns.get(batch) ?? this.rows.columns(batch);
    this.columns.set(batch, known);
    return known;
  }

  /** -scale x maximum up to this segment and up to the one before. */
  private negatives(segment: Segment, batch: Batch): { now: View; before: View } {
    const { negative } = this.columnsOf(batch);
    const [now, before] = segment.after % 2 === 0 ? negative : [negative[1], negative[0]];
    return { now: this.column(now, segment), before: this.column(before, segment) };
  }

  private ownOf(n: number, which: number, segment: Segment): View {
    const at = segment.at / P;
    return this.own(n)
      .at(1, which)
      .slice(0, 0, segment.tile.rows)
      .slice(1, at, at + 1);
  }

  peak({ step }: Work, n: number): void {
    const { emit } = this;
    for (const segment of step.segments) {
      const { tile, from, to, at } = segment;
      const { now, before } = this.negatives(segment, step.batch);
      const first = segment.before === 0;
      const mine = first ? now : this.ownOf(n, 0, segment);
      const data = this.scores(n)
        .slice(0, 0, tile.rows)
        .slice(1, at, at + to - from);
      emit.emit(
        records.tensorReduce,
        { dst: mine, data },
        { op: "maximum", axis: [1], negate: true },
      );
      const scale = this.scale.slice(0, 0, tile.rows);
      const rest = { engine: "gpsimd" };
      emit.emit(
        records.tensorTensor,
        { dst: mine, data1: mine, data2: scale },
        { op: "multiply", ...rest },
      );
      if (!first)
        emit.emit(
          records.tensorTensor,
          { dst: now, data1: mine, data2: before },
          { op: "minimum", ...rest },
        );
    }
  }

  weigh({ step }: Work, n: number): void {
    const { emit } = this;
    for (const segment of step.segments) {
      const { tile, from, to, at } = segment;
      const { now, before } = this.negatives(segment, step.batch);
      const sum = this.column(this.columnsOf(step.batch).sum, segment);
      const first = segment.before === 0;
      const mine = first ? sum : this.ownOf(n, 1, segment);
      const correction = this.correctionOf(n, segment);
      if (!first)
        emit.emit(
          records.activation,
          { dst: correction, data: before, scale: -1, bias: now },
          { op: "exp" },
        );
      const columns = (v: View): View => v.slice(0, 0, tile.rows).slice(1, at, at + to - from);
      emit.emit(
        records.activation,
        {
          dst: columns(this.weights(n)),
          data: columns(this.scores(n)),
          scale: this.config.scale,
          bias: now,
          reduce_res: mine,
        },
        { op: "exp", reduce_op: "add", reduce_cmd: "reset_reduce" },
      );
      if (first) continue;
      const rest = { engine: "gpsimd" };
      emit.emit(
        records.tensorTensor,
        { dst: sum, data1: sum, data2: correction },
        { op: "multiply", ...rest },
      );
      emit.emit(
        records.tensorTensor,
        { dst: sum, data1: sum, data2: mine },
        { op: "add", ...rest },
      );
    }
  }

  private correctionOf(n: number, segment: Segment): View {
    const at = segment.at / P;
    return this.corrections(n)
      .slice(0, 0, segment.tile.rows)
      .slice(1, at, at + 1);
  }

  turn({ step }: Work, n: number): void {
    const used = step.chunks;
    const src = this.weights(n).reshape([P, SEGMENTS, P]).slice(1, 0, used);
    this.emit.emit(records.dmaTranspose, { dst: this.turned(n).slice(1, 0, used), src });
  }

  collect({ step, keys }: Work, n: number): void {
    const { v } = keys.load();
    const { batch } = step;
    for (const segment of step.segments) {
      const { tile, from, to, at } = segment;
      const { total, products } = this.targets(batch, segment);
      for (let key = from; key < to; key += P) {
        const count = Math.min(P, to - key);
        const chunk = (at + key - from) / P;
        const values = v.at(1, (key - keys.from) / P).at(1, this.group(tile.head) - keys.group);
        this.emit.emit(
          records.ncMatmul,
          {
            dst: products,
            stationary: this.turned(n).at(1, chunk).slice(0, 0, count).slice(1, 0, tile.rows),
            moving: values.slice(0, 0, count),
          },
          { accumulate: key > from },
        );
      }
      if (!batch.online) continue;
      if (segment.before === 0)
        this.emit.emit(records.tensorCopy, { dst: total, src: products }, { engine: "vector" });
      else
        this.emit.emit(
          records.scalarTensorTensor,
          { dst: total, data: total, operand0: this.correctionOf(n, segment), operand1: products },
          { op0: "multiply", op1: "add" },
        );
    }
    if (step.closes) this.finish(batch);
  }

  /** Where a segment's products and a tile's total go: the same place where there is one segment. */
  private targets(batch: Batch, { tile }: Segment): { total: View; products: View } {
    const { d } = this.sizes;
    const shape = [P, batch.tiles.length, d];
    let all = this.totals.get(batch);
    if (!all) {
      const made = batch.online
        ? this.emit.sbuf("float32", shape, "sums")
        : this.banks(this.bank++)
            .slice(1, 0, shape[1]! * d)
            .reshape(shape);
      this.totals.set(batch, made);
      all = made;
    }
    const total = all.at(1, tile.slot).slice(0, 0, tile.rows);
    const products = batch.online
      ? this.banks(this.bank++)
          .slice(0, 0, tile.rows)
          .slice(1, 0, d)
      : total;
    return { total, products };
  }

  /** o = total / sum, and to HBM. */
  private finish(batch: Batch): void {
    const { emit } = this;
    const { d } = this.sizes;
    const heads = batch.heads[1] - batch.heads[0];
    const { depth } = batch;
    const shape = [P, depth, heads, d];
    const inverse = emit.sbuf("float32", [P, heads, depth], "inverse");
    const out = emit.sbuf(this.tensors.q.dtype, shape, "o");
    const sum = this.columnsOf(batch).sum.reshape([P, heads, depth]);
    const total = this.totals.get(batch)!.reshape([P, heads, depth, d]);
    for (const { rows, from, to } of rowsOf(batch)) {
      const part = (x: View, dim: number): View => x.slice(0, 0, rows).slice(dim, from, to);
      emit.emit(records.reciprocal, { dst: part(inverse, 2), data: part(sum, 2) });
      emit.emit(
        records.tensorTensor,
        {
          dst: part(out, 1).permute([0, 2, 1, 3]),
          data1: part(total, 2),
          data2: part(inverse, 2).broadcast(3, d),
        },
        { op: "multiply", engine: "vector" },
      );
    }
    for (const o of this.tensors.o)
      storeTokens(
        emit,
        o
          .at(0, batch.sequence)
          .slice(0, ...batch.queries)
          .slice(1, ...batch.heads),
        out,
      );
    this.columns.delete(batch);
    this.totals.delete(batch);
  }

  /** What remains when all steps are done. */
  end(): void {
    this.rows.flush();
  }
}

/** Whole tiles of a batch's heads, then the last ones where they have fewer rows. */
function rowsOf({ depth, tiles }: Batch): readonly { rows: number; from: number; to: number }[] {
  const last = tiles.at(-1)!.rows;
  const whole = last === P ? depth : depth - 1;
  return [
    { rows: P, from: 0, to: whole },
    { rows: last, from: whole, to: depth },
  ].filter(({ from, to }) => from < to);
}
