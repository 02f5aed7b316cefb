/** Attention over a cache with keys on partitions (decode.ts): scores, softmax and products of a bundle of rows. */
import type { AttentionSizes } from "@opentrn/ir";
import { records } from "@opentrn/isa";
import { type Emitter, ring } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import { everywhere } from "./constants.ts";
import type { CachedTensors } from "./decode.ts";
import type { Turned } from "./loads.ts";
import { P } from "./plan.ts";
import { BANK } from "./scores.ts";

/** Columns of a tile of scores: two PSUM banks. */
export const SCORES = 2 * BANK;
/** Added to scores of keys that a query does not see. */
const UNSEEN = -1e30;

/** Some groups of one sequence, whose rows follow each other. */
export interface Run {
  readonly sequence: number;
  readonly groups: readonly [from: number, to: number];
  /** First part of the bundle. */
  readonly part: number;
  /** [features, heads, n]. */
  readonly queries: () => Turned;
}

/** Rows that share the columns of a tile of scores: parts, then heads of a group, then queries. */
export interface Bundle {
  readonly runs: readonly Run[];
  readonly rows: number;
  /** Rows as columns of a tile of scores, a power of two, so that no row's matmul crosses a bank. */
  readonly padded: number;
  readonly state: State;
}

/** Columns of a tile of scores that so many rows take. */
export const paddedRows = (rows: number): number => 2 ** Math.ceil(Math.log2(rows));

/** Of all blocks so far. [128, rows] are the same in every partition. */
interface State {
  /** Maximum, sum and [d, rows] products. */
  top?: View;
  sum?: View;
  totals?: readonly View[];
}

/** A bundle with a block of keys. */
export interface DecodeBlock {
  readonly bundle: Bundle;
  readonly keys: readonly [from: number, to: number];
  readonly chunks: number;
  /** [128 keys, chunks, padded rows]: scores in PSUM, then weights. */
  readonly scores: View;
  readonly weights: View;
  /** [features, rows] for every 128 features, and [128, rows] for sums; in PSUM. */
  readonly products: readonly View[];
  readonly sums: View;
  /** What sums of earlier blocks are multiplied by, [128, rows]. */
  correction?: View;
}

export class DecodeStages {
  private readonly emit: Emitter;
  private readonly sizes: AttentionSizes;
  private readonly scale: number;
  private readonly tensors: CachedTensors;
  private readonly start: View;
  /** fp32 [128, chunks]: p + 128 x chunk. */
  private readonly positions: View;
  private readonly ones: View;
  private readonly scores: (n: number) => View;
  private readonly results: (n: number) => View;
  private readonly small: (n: number) => View;
  private blocks = 0;
  private turns = 0;

  constructor(emit: Emitter, sizes: AttentionSizes, scale: number, tensors: CachedTensors) {
    this.emit = emit;
    this.sizes = sizes;
    this.scale = scale;
    this.tensors = tensors;
    const { dtype } = tensors.q;
    this.start = everywhere(emit, tensors.start);
    const chunks = Math.min(SCORES, Math.ceil(sizes.m / P));
    this.positions = emit.sbuf("float32", [P, chunks], "positions");
    const pattern = [P, chunks];
    emit.emit(records.iota, { dst: this.positions }, { pattern, channel_multiplier: 1 });
    this.ones = emit.sbuf(dtype, [P, P], "ones");
    emit.emit(records.memset, { dst: this.ones, value: 1 }, { engine: "gpsimd" });
    this.scores = ring(2, () => {
      const made = emit.psum("float32", [P, SCORES], "scores");
      // The last chunk may have fewer keys; what lies below them is hidden, but has to be a number.
      if (sizes.m % P !== 0)
        emit.emit(records.memset, { dst: made, value: 0 }, { engine: "vector" });
      return made;
    });
    this.results = ring(2, () => emit.psum("float32", [P, BANK], "products"));
    this.small = ring(2, () => emit.psum("float32", [P, P], "turned"));
  }

  bundle(runs: readonly Run[], rows: number): Bundle {
    return { runs, rows, padded: paddedRows(rows), state: {} };
  }

  /** Takes the places that a block's scores and products need. */
  begin(bundle: Bundle, keys: readonly [number, number]): DecodeBlock {
    const { d } = this.sizes;
    const { rows, padded } = bundle;
    const chunks = Math.ceil((keys[1] - keys[0]) / P);
    const n = this.blocks++;
    const scores = this.scores(n)
      .slice(1, 0, chunks * padded)
      .reshape([P, chunks, padded])
      .slice(2, 0, rows);
    const weights = this.emit.sbuf(this.tensors.q.dtype, [P, chunks, rows], "weights");
    const place = this.results(n);
    const products: View[] = [];
    for (let f = 0; f < d; f += P) {
      const at = (f / P) * P;
      products.push(place.slice(0, 0, Math.min(P, d - f)).slice(1, at, at + rows));
    }
    const sums = place.slice(1, BANK - P, BANK - P + rows);
    return { bundle, keys, chunks, scores, weights, products, sums };
  }

  /** For each part: its run, its group's number in the run, and its rows. */
  private *parts({ runs }: Bundle): Generator<{ run: number; group: number; at: number }> {
    const { n, r } = this.sizes;
    for (const [run, { groups, part }] of runs.entries())
      for (let group = 0; group < groups[1] - groups[0]; group++)
        yield { run, group, at: (part + group) * n * r };
  }

  /** Scores of keys that were loaded, by run; `from`: the first one's position in the block. */
  score({ bundle, scores }: DecodeBlock, keys: readonly Turned[], from: number): void {
    const { r, n } = this.sizes;
    for (const { run, group, at } of this.parts(bundle)) {
      const queries = bundle.runs[run]!.queries().map((q) => q.slice(1, group * r, group * r + r));
      const mine = keys[run]!.map((k) => k.at(1, group));
      const count = mine[0]!.free;
      for (let key = 0; key < count; key += P) {
        const end = Math.min(key + P, count);
        const dst = scores
          .at(1, (from + key) / P)
          .slice(0, 0, end - key)
          .slice(1, at, at + r * n);
        mine.forEach((k, f) => {
          this.emit.emit(
            records.ncMatmul,
            { dst, stationary: k.slice(1, key, end), moving: queries[f]! },
            { accumulate: f > 0 },
          );
        });
      }
    }
  }

  /** Hides what queries do not see, and turns scores to weights. */
  soften(block: DecodeBlock): void {
    const { emit, scale } = this;
    const { bundle, scores, weights, chunks } = block;
    const { rows, state } = bundle;
    this.hide(block);
    const tops = emit.sbuf("float32", [P, rows], "tops");
    emit.emit(
      records.tensorReduce,
      { dst: tops, data: scores.permute([0, 2, 1]) },
      { op: "maximum", axis: [2] },
    );
    const own = this.spread(tops);
    const before = state.top;
    const top = emit.sbuf("float32", [P, rows], "top");
    if (before)
      emit.emit(
        records.tensorTensor,
        { dst: top, data1: own, data2: before },
        { op: "maximum", engine: "vector" },
      );
    else emit.emit(records.tensorCopy, { dst: top, src: own }, { engine: "vector" });
    const minus = (dst: View, data1: View, data2: View): void => {
      emit.emit(records.tensorTensor, { dst, data1, data2 }, { op: "subtract", engine: "vector" });
    };
    minus(scores, scores, top.broadcast(1, chunks));
    emit.emit(records.activation, { dst: weights, data: scores, scale }, { op: "exp" });
    if (before) {
      const correction = emit.sbuf("float32", [P, rows], "correction");
      minus(correction, before, top);
      emit.emit(records.activation, { dst: correction, data: correction, scale }, { op: "exp" });
      block.correction = correction;
    }
    state.top = top;
  }

  /** The maximum of every column over all partitions, in every partition: [128, rows] in PSUM. */
  private spread(tops: View): View {
    const { emit } = this;
    const rows = tops.free;
    const turned = this.small(this.turns++).slice(0, 0, rows);
    emit.emit(records.ncTranspose, { dst: turned, data: tops }, { engine: "tensor" });
    const top = emit.sbuf("float32", [rows, 1], "row_top");
    emit.emit(records.tensorReduce, { dst: top, data: turned }, { op: "maximum", axis: [1] });
    const back = this.small(this.turns++).slice(1, 0, rows);
    emit.emit(records.ncTranspose, { dst: back, data: top.repeat(1, P) }, { engine: "tensor" });
    return back;
  }

  /** Adds a number far below any score where key > start + query. */
  private hide({ bundle, keys, chunks, scores }: DecodeBlock): void {
    const { emit } = this;
    const { n } = this.sizes;
    const hidden = emit.sbuf("float32", [P, chunks, n], "hidden");
    for (let query = 0; query < n; query++)
      emit.emit(
        records.tensorScalar,
        {
          dst: hidden.at(2, query),
          data: this.positions.slice(1, 0, chunks),
          operand0: keys[0] - query,
          operand1: this.start,
        },
        { op0: "add", op1: "greater", engine: "vector" },
      );
    const others = bundle.rows / n;
    const seen = scores.reshape([P, chunks, others, n]);
    emit.emit(
      records.scalarTensorTensor,
      { dst: seen, data: hidden.broadcast(2, others), operand0: UNSEEN, operand1: seen },
      { op0: "multiply", op1: "add" },
    );
  }

  /** Products of weights with values that were loaded, by run, and sums of weights. */
  collect(block: DecodeBlock, values: readonly View[], from: number, tokens: number): void {
    const { emit } = this;
    const { n, r } = this.sizes;
    const { bundle, weights, products, sums } = block;
    for (let key = 0; key < tokens; key += P) {
      const count = Math.min(P, tokens - key);
      const chunk = (from + key) / P;
      const mine = weights.at(1, chunk).slice(0, 0, count);
      const how = { accumulate: chunk > 0 };
      for (const { run, group, at } of this.parts(bundle)) {
        const moving = mine.slice(1, at, at + r * n);
        const v = values[run]!.at(1, key / P)
          .at(1, group)
          .slice(0, 0, count);
        products.forEach((dst, f) => {
          const stationary = v.slice(1, f * P, f * P + dst.partitions);
          emit.emit(
            records.ncMatmul,
            { dst: dst.slice(1, at, at + r * n), stationary, moving },
            how,
          );
        });
      }
      const stationary = this.ones.slice(0, 0, count);
      emit.emit(records.ncMatmul, { dst: sums, stationary, moving: mine }, how);
    }
  }

  /** Adds a block's products and sums to those before. */
  add({ bundle, products, sums, correction }: DecodeBlock): void {
    const { state } = bundle;
    const { sum, totals } = state;
    if (sum && totals && correction) {
      this.combine(sum, correction, sums);
      totals.forEach((total, f) => {
        this.combine(total, correction.slice(0, 0, total.partitions), products[f]!);
      });
      return;
    }
    const { emit } = this;
    const kept = (src: View, name: string): View => {
      const dst = emit.sbuf("float32", src.shape, name);
      emit.emit(records.tensorCopy, { dst, src }, { engine: "vector" });
      return dst;
    };
    state.sum = kept(sums, "sum");
    state.totals = products.map((p) => kept(p, "total"));
  }

  /** total = total x correction + more. */
  private combine(total: View, correction: View, more: View): void {
    const { emit } = this;
    const engine = "vector";
    emit.emit(
      records.tensorTensor,
      { dst: total, data1: total, data2: correction },
      { op: "multiply", engine },
    );
    emit.emit(
      records.tensorTensor,
      { dst: total, data1: total, data2: more },
      { op: "add", engine },
    );
  }

  /** o = total / sum, turned to rows, to HBM. */
  finish({ runs, rows, state }: Bundle): void {
    const { emit } = this;
    const { d } = this.sizes;
    const inverse = emit.sbuf("float32", [P, rows], "inverse");
    emit.emit(records.reciprocal, { dst: inverse, data: state.sum! });
    const out = emit.sbuf(this.tensors.q.dtype, [rows, d], "o");
    state.totals!.forEach((total, f) => {
      const features = total.partitions;
      emit.emit(
        records.tensorTensor,
        { dst: total, data1: total, data2: inverse.slice(0, 0, features) },
        { op: "multiply", engine: "vector" },
      );
      const turned = this.small(this.turns++)
        .slice(0, 0, rows)
        .slice(1, 0, features);
      emit.emit(records.ncTranspose, { dst: turned, data: total }, { engine: "tensor" });
      const dst = out.slice(1, f * P, f * P + features);
      emit.emit(records.activation, { dst, data: turned }, { op: "copy" });
    });
    for (const run of runs) this.store(run, out);
  }

  private store({ sequence, groups, part }: Run, out: View): void {
    const { n, r } = this.sizes;
    const src = out.slice(0, part * n * r, (part + groups[1] - groups[0]) * n * r);
    for (const o of this.tensors.o) {
      const heads = o.at(0, sequence).slice(1, groups[0] * r, groups[1] * r);
      this.emit.emit(records.dmaCopy, { dst: heads.permute([1, 0, 2]), src });
    }
  }
}
