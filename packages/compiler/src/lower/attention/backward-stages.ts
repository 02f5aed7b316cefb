/**
 * Gradient of attention: the stages of a piece, up to 512 keys of one tile of queries, with columns of [128, 1024] tiles of a step.
 *
 * score (TensorE): scores = q k^T with the causal mask, and dp = do v^T
 * weigh (ScalarE): p = exp(scale x scores - lse)
 * differ (VectorE): ds = (dp - delta) p
 * dv, dk (TensorE): p^T do and ds^T q, added up in PSUM over all queries that see the keys
 * turn (DMA, some TensorE): ds with keys on partitions, once a step
 * dq (TensorE): ds k, added up in PSUM over the keys of a block and then by VectorE or ScalarE
 */
import type { AttentionConfig, AttentionSizes } from "@opentrn/ir";
import { records } from "@opentrn/isa";
import { type Emitter, ring } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import type { BackwardStep, Piece } from "./backward-plan.ts";
import { blockOf, STEP } from "./backward-plan.ts";
import {
  type BackwardTensors,
  type KeySide,
  type QuerySide,
  rowsOfTile,
} from "./backward-sources.ts";
import { Tally } from "./balance.ts";
import { type Mask, makeMask } from "./constants.ts";
import { type KeyBlock, KeyGradients } from "./key-gradients.ts";
import { type Turned, tokensOf } from "./loads.ts";
import type { Stage } from "./pipeline.ts";
import { P } from "./plan.ts";
import { QueryGradients, type Visit } from "./query-gradients.ts";
import { ringSize } from "./rings.ts";
import { BANK, hide, score } from "./scores.ts";
import { lazily } from "./sources.ts";
import { reused, turn, turnThrough } from "./turn.ts";

/** A piece with all it reads and belongs to. */
export interface BackwardWork {
  readonly piece: Piece;
  readonly step: BackwardStep;
  /** Number of the step. */
  readonly index: number;
  readonly keys: KeySide;
  readonly queries: QuerySide;
  readonly visit: Visit;
  readonly block: KeyBlock;
  /** Whether it is the last of its block of keys. */
  readonly closes: boolean;
}

/** Rounds in which the stages of a piece are issued. */
export interface BackwardDelays {
  readonly load: number;
  readonly delta: number;
  readonly sum: number;
  readonly score: number;
  readonly multiply: number;
  readonly turn: number;
  readonly dv: number;
  readonly dk: number;
  readonly turnHere: number;
  /** Until when ds is being turned, as a rule. */
  readonly turned: number;
  readonly dq: number;
}

/**
 * How far stages are apart, scores, turned ds and dq: dq comes after all of a step's pieces, up to eight, were turned. From what is fastest, by the predicted timeline, to what needs least memory. Pieces of fp32 take TensorE four
 * times as long, transfers only twice.
 */
export function delaysFor(dtype: View["dtype"]): readonly BackwardDelays[] {
  const all =
    dtype === "float32"
      ? [
          [6, 10, 14],
          [3, 5, 12],
        ]
      : [
          [16, 18, 28],
          [8, 12, 16],
          [4, 6, 12],
        ];
  return all.map(([at, turned, dq]) => ({
    load: 0,
    delta: Math.floor(at! * 0.6),
    sum: Math.ceil(at! * 0.8),
    score: at!,
    multiply: at! + 1,
    turn: at! + 2,
    dv: at! + 2,
    dk: at! + 3,
    turnHere: at! + 4,
    turned: at! + turned!,
    dq: at! + dq!,
  }));
}

export interface BackwardOptions {
  readonly delays: BackwardDelays;
  /** Of ds that TensorE turns. */
  readonly share: number;
  readonly spills: boolean;
}

/** fp32 elements of half a PSUM bank. */
const HALF = BANK / 2;

export class BackwardStages {
  readonly stages: readonly Stage<BackwardWork>[];
  private readonly emit: Emitter;
  private readonly sizes: AttentionSizes;
  private readonly config: AttentionConfig;
  private readonly options: BackwardOptions;
  private readonly tally: Tally;
  private readonly mask: Mask | undefined;
  private readonly dq: QueryGradients;
  private readonly dk: KeyGradients;
  private readonly dv: KeyGradients;
  private readonly scores: (n: number) => View;
  private readonly products: (n: number) => View;
  private readonly weights: (step: number) => View;
  private readonly differences: (step: number) => View;
  private readonly turned: (step: number) => View;
  /** Places of [128, d] for dq of a tile, and half a bank for turning. */
  private readonly places: () => View;
  private readonly turning: () => View;
  private place = 0;

  constructor(
    emit: Emitter,
    sizes: AttentionSizes,
    config: AttentionConfig,
    tensors: BackwardTensors,
    work: readonly (BackwardWork | undefined)[],
    options: BackwardOptions,
  ) {
    const { delays } = options;
    this.stages = [
      [(w) => this.load(w), delays.load],
      [(w) => w.queries.columns().multiply(this.headOf(w)), delays.delta],
      [(w) => w.queries.columns().sum(this.headOf(w), this.tally), delays.sum],
      [(w, n) => this.score(w, n), delays.score],
      [(w) => this.addQueries(w), delays.dq],
      [(w, n) => this.weigh(w, n), delays.score],
      [(w, n) => this.multiply(w, n), delays.multiply],
      [(w, n) => this.differ(w, n), delays.multiply],
      [(w) => this.turn(w), delays.turn],
      [(w) => this.addValues(w), delays.dv],
      [(w) => this.addKeys(w), delays.dk],
      [(w) => this.turnHere(w), delays.turnHere],
    ];
    this.emit = emit;
    this.sizes = sizes;
    this.config = config;
    this.options = options;
    const tally = new Tally(emit.chip);
    this.tally = tally;
    const { d, n, m } = sizes;
    const { causal, scale } = config;
    const { dtype } = tensors.q;
    this.mask = causal && n > 1 ? makeMask(emit) : undefined;
    const common = { tally, dtype, d };
    const { spills } = options;
    this.dq = new QueryGradients(emit, {
      ...common,
      scale,
      dq: tensors.dq,
      block: blockOf(d),
      spills,
    });
    this.scores = ring(2, () => emit.psum("float32", [P, BANK], "scores"));
    this.products = ring(2, () => emit.psum("float32", [P, BANK], "dp"));
    const banks = ring(3, () => emit.psum("float32", [P, BANK], "dk_dv"));
    let bank = 0;
    const sums = { ...common, bank: (): View => banks(bank++) };
    this.dk = new KeyGradients(emit, { ...sums, scale, to: tensors.dk, name: "dk" });
    this.dv = new KeyGradients(emit, { ...sums, scale: 1, to: tensors.dv, name: "dv" });
    const rings = ringSizes(work, delays);
    const whole = n % P === 0 && m % P === 0;
    this.weights = ring(rings.weights, () => emit.sbuf(dtype, [P, STEP], "p"));
    this.differences = ring(rings.differences, () => {
      const made = emit.sbuf(dtype, [P, STEP], "ds");
      // Whole chunks are turned; what no query or key stands for is read, though never used.
      if (!whole) emit.emit(records.memset, { dst: made, value: 0 }, { engine: "gpsimd" });
      return made;
    });
    this.turned = ring(rings.turned, () => emit.sbuf(dtype, [P, STEP / P, P], "ds_turned"));
    const shared = lazily(() => emit.psum("float32", [P, BANK], "dq"));
    this.places = () => (options.share > 0 ? shared().slice(1, 0, HALF) : shared());
    this.turning = () => reused(shared().slice(1, HALF, BANK), dtype);
  }

  private load({ keys, queries }: BackwardWork): void {
    queries.load();
    keys.load();
    queries.columns();
  }

  /** The piece's head among those of its panel. */
  private headOf({ piece, queries }: BackwardWork): number {
    return piece.tile.head - queries.panel.heads[0];
  }

  private score(work: BackwardWork, n: number): void {
    const { piece, keys, queries } = work;
    const block = this.scores(n).slice(0, 0, piece.tile.rows);
    const [q, k] = [this.rows(queries.load().q, work), this.columns(keys.load().k, work)];
    score(this.emit, block, 0, { queries: q, keys: k });
    if (this.mask) hide(this.emit, this.mask, block, 0, piece);
  }

  private multiply(work: BackwardWork, n: number): void {
    const { piece, keys, queries } = work;
    const block = this.products(n).slice(0, 0, piece.tile.rows);
    const cotangent = this.rows(queries.load().cotangent, work);
    score(this.emit, block, 0, { queries: cotangent, keys: this.columns(keys.load().v, work) });
  }

  /** The piece's queries of what a panel holds. */
  private rows(x: Turned, { piece: { tile }, queries: { panel } }: BackwardWork): Turned {
    const row = tile.from - panel.queries[0];
    return tokensOf(x, tile.head - panel.heads[0], row, row + tile.rows);
  }

  /** The piece's keys. */
  private columns(x: Turned, { piece: { tile, from, to }, keys }: BackwardWork): Turned {
    return tokensOf(x, this.group(tile.head) - keys.group, from - keys.from, to - keys.from);
  }

  private group(head: number): number {
    return Math.floor(head / this.sizes.r);
  }

  /** A piece's columns of a step's tile, [rows, keys]. */
  private part(x: View, { tile, at, from, to }: Piece): View {
    return x.slice(0, 0, tile.rows).slice(1, at, at + to - from);
  }

  private column(x: View, { piece, queries }: BackwardWork): View {
    const { tile } = piece;
    const { panel } = queries;
    const head = tile.head - panel.heads[0];
    return x
      .at(1, (tile.from - panel.queries[0]) / P)
      .slice(0, 0, tile.rows)
      .slice(1, head, head + 1);
  }

  private weigh(work: BackwardWork, n: number): void {
    const { piece, index, queries } = work;
    const { tally } = this;
    const dst = this.part(this.weights(index), piece);
    this.emit.emit(
      records.activation,
      {
        dst,
        data: this.part(this.scores(n), { ...piece, at: 0 }),
        scale: this.config.scale,
        bias: this.column(queries.columns().negativeLse, work),
      },
      { op: "exp" },
    );
    tally.add("scalar", tally.cost("scalar", dst.free, true));
  }

  private differ(work: BackwardWork, n: number): void {
    const { piece, index, queries } = work;
    const { tally } = this;
    const dst = this.part(this.differences(index), piece);
    this.emit.emit(
      records.scalarTensorTensor,
      {
        dst,
        data: this.part(this.products(n), { ...piece, at: 0 }),
        operand0: this.column(queries.columns().delta, work),
        operand1: this.part(this.weights(index), piece),
      },
      { op0: "subtract", op1: "multiply" },
    );
    tally.add("vector", tally.cost("vector", dst.free, true));
  }

  private addValues({ piece, index, queries, block, closes }: BackwardWork): void {
    const rows = rowsOfTile(queries.load().cotangentRows, queries.panel, piece.tile);
    this.dv.add(piece.from - block.keys[0], this.part(this.weights(index), piece), rows);
    if (closes) this.dv.finish(block);
  }

  private addKeys({ piece, index, queries, block, closes }: BackwardWork): void {
    const rows = rowsOfTile(queries.load().qRows, queries.panel, piece.tile);
    this.dk.add(piece.from - block.keys[0], this.part(this.differences(index), piece), rows);
    if (closes) this.dk.finish(block);
  }

  private byTensor(index: number): boolean {
    const { share } = this.options;
    return Math.floor((index + 1) * share) > Math.floor(index * share);
  }

  private turn({ piece, step, index }: BackwardWork): void {
    if (piece !== step.pieces.at(-1) || this.byTensor(index)) return;
    turn(this.emit, this.turned(index).slice(1, 0, step.chunks), this.differences(index));
  }

  private turnHere({ piece, step, index }: BackwardWork): void {
    if (piece !== step.pieces.at(-1) || !this.byTensor(index)) return;
    const dst = this.turned(index).slice(1, 0, step.chunks);
    turnThrough(this.emit, this.tally, dst, this.differences(index), () => this.turning());
  }

  private addQueries({ piece, index, keys, visit }: BackwardWork): void {
    const { d } = this.sizes;
    const { tile, from, to, at } = piece;
    const { kRows } = keys.load();
    const whole = this.places();
    const slot = this.place % Math.floor(whole.free / d);
    const place = whole.slice(0, 0, tile.rows).slice(1, slot * d, slot * d + d);
    for (let key = from; key < to; key += P) {
      const count = Math.min(P, to - key);
      const chunk = (at + key - from) / P;
      this.emit.emit(
        records.ncMatmul,
        {
          dst: place,
          stationary: this.turned(index).at(1, chunk).slice(0, 0, count).slice(1, 0, tile.rows),
          moving: kRows
            .at(1, (key - keys.from) / P)
            .at(1, this.group(tile.head) - keys.group)
            .slice(0, 0, count),
        },
        { accumulate: !piece.first || key > from },
      );
    }
    if (!piece.last) return;
    this.place++;
    this.dq.add(visit, tile, place);
  }
}

/** Bytes of a partition of all that is under way between stages. */
export function underWay(
  work: readonly (BackwardWork | undefined)[],
  delays: BackwardDelays,
  width: number,
): number {
  const { weights, differences, turned } = ringSizes(work, delays);
  return (weights + differences + turned) * STEP * width;
}

/** Buffers by step: each holds what its pieces wrote until the last of them was read. */
function ringSizes(work: readonly (BackwardWork | undefined)[], delays: BackwardDelays) {
  const spans: { from: number; to: number }[] = [];
  work.forEach((w, i) => {
    if (!w) return;
    const span = spans[w.index] ?? { from: i, to: i };
    span.to = i;
    spans[w.index] = span;
  });
  const size = (written: number, read: number): number =>
    ringSize(spans.map(({ from, to }) => ({ from: from + written, to: to + read })));
  const { score: weigh, multiply: differ, turn: turns, turned, dv, dk, dq } = delays;
  return {
    weights: size(weigh, Math.max(differ, dv)),
    differences: size(differ, Math.max(dk, turned)),
    turned: ringSize(spans.map(({ to }) => ({ from: to + turns, to: to + dq }))),
  };
}
