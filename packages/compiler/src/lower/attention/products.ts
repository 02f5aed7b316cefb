/** Weights times values, and o from them. */
import type { AttentionSizes } from "@opentrn/ir";
import { records } from "@opentrn/isa";
import { type Emitter, ring } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import type { Tally } from "./balance.ts";
import { storeTokens } from "./loads.ts";
import { type Batch, P, type Panel, type Segment } from "./plan.ts";
import { BANK } from "./scores.ts";
import { lazily } from "./sources.ts";
import { copy } from "./turn.ts";

export interface ProductsOptions {
  readonly sizes: AttentionSizes;
  readonly tally: Tally;
  /** Where o goes, views of [b, n, h, d]. */
  readonly o: readonly View[];
  readonly dtype: View["dtype"];
  /** PSUM banks that products share. */
  readonly banks: 1 | 2;
}

export class Products {
  private readonly emit: Emitter;
  private readonly options: ProductsOptions;
  /** One of two places in PSUM, [128, fp32 elements]. */
  private readonly place: (n: number) => View;
  /** [128, tiles, d] of a batch: products in PSUM, or running sums in SBUF where keys come in several segments. */
  private readonly totals = new Map<Batch, View>();
  private readonly outs = new Map<Panel, View>();
  private places = 0;

  constructor(emit: Emitter, options: ProductsOptions) {
    this.emit = emit;
    this.options = options;
    const shared = lazily(() => emit.psum("float32", [P, 2, BANK / 2], "products"));
    this.place =
      options.banks === 2
        ? ring(2, () => emit.psum("float32", [P, BANK], "products"))
        : (n) => shared().at(1, n % 2);
  }

  /** Most tiles of a batch of heads of d features. */
  static most(banks: 1 | 2, d: number): number {
    return Math.min(8, Math.floor((banks * BANK) / 2 / d));
  }

  /** `turned` [keys, chunks, rows], `values` by chunk [keys, d]; `correction`: what the tile's sum so far is multiplied by. */
  add(segment: Segment, turned: View, values: (chunk: number) => View, correction: View): void {
    const { emit } = this;
    const { batch, tile, from, to } = segment;
    const total = this.totalOf(batch).at(1, tile.slot).slice(0, 0, tile.rows);
    const products = batch.online ? this.passing(tile.rows) : total;
    for (let key = from, chunk = 0; key < to; key += P, chunk++) {
      const keys = Math.min(P, to - key);
      const stationary = turned.at(1, chunk).slice(0, 0, keys).slice(1, 0, tile.rows);
      const moving = values(chunk).slice(0, 0, keys);
      emit.emit(records.ncMatmul, { dst: products, stationary, moving }, { accumulate: chunk > 0 });
    }
    if (!batch.online) return;
    const { tally, sizes } = this.options;
    if (segment.before === 0) {
      const ns = (engine: "vector" | "scalar"): number => tally.cost(engine, sizes.d);
      copy(emit, tally.choose(ns("vector"), ns("scalar")), total, products);
      return;
    }
    tally.add("vector", tally.cost("vector", sizes.d, true));
    emit.emit(
      records.scalarTensorTensor,
      { dst: total, data: total, operand0: correction, operand1: products },
      { op0: "multiply", op1: "add" },
    );
  }

  private totalOf(batch: Batch): View {
    const { d } = this.options.sizes;
    const shape = [P, batch.tiles.length, d];
    const known =
      this.totals.get(batch) ??
      (batch.online
        ? this.emit.sbuf("float32", shape, "sums")
        : this.place(this.places++)
            .slice(1, 0, shape[1]! * d)
            .reshape(shape));
    this.totals.set(batch, known);
    return known;
  }

  /** [rows, d] in PSUM for products that are added to a sum at once. */
  private passing(rows: number): View {
    const { d } = this.options.sizes;
    const n = this.places++;
    const place = this.place(n);
    const slot = Math.floor(n / 2) % Math.floor(place.free / d);
    return place.slice(0, 0, rows).slice(1, slot * d, slot * d + d);
  }

  /** o = total / sum; the panel goes to HBM with its last batch. `sum`: [128, tiles]. */
  finish(batch: Batch, sum: View): void {
    const { emit } = this;
    const { sizes, tally } = this.options;
    const { d } = sizes;
    const { panel, heads, depth, from } = batch;
    const wide = heads[1] - heads[0];
    const inverse = emit.sbuf("float32", [P, wide, depth], "inverse");
    const sums = sum.reshape([P, wide, depth]);
    const total = this.totals.get(batch)!.reshape([P, wide, depth, d]);
    const first = (from - panel.queries[0]) / P;
    const dst = this.outOf(panel)
      .slice(1, first, first + depth)
      .slice(2, heads[0] - panel.heads[0], heads[1] - panel.heads[0])
      .permute([0, 2, 1, 3]);
    for (const { rows, tiles } of rowsOf(batch)) {
      const part = (x: View): View => x.slice(0, 0, rows).slice(2, tiles[0], tiles[1]);
      const count = wide * (tiles[1] - tiles[0]);
      emit.emit(records.reciprocal, { dst: part(inverse), data: part(sums) });
      emit.emit(
        records.tensorTensor,
        { dst: part(dst), data1: part(total), data2: part(inverse).broadcast(3, d) },
        { op: "multiply", engine: "vector" },
      );
      tally.add("vector", tally.cost("vector", 8 * count) + tally.cost("vector", d * count));
    }
    this.totals.delete(batch);
    if (batch.closes) this.store(panel);
  }

  private store(panel: Panel): void {
    const out = this.outOf(panel);
    for (const o of this.options.o) {
      const part = o
        .at(0, panel.sequence)
        .slice(0, ...panel.queries)
        .slice(1, ...panel.heads);
      storeTokens(this.emit, part, out);
    }
    this.outs.delete(panel);
  }

  /** [128, tiles, heads, d] of a panel. */
  private outOf(panel: Panel): View {
    const { queries, heads } = panel;
    const { sizes, dtype } = this.options;
    const tiles = Math.ceil((queries[1] - queries[0]) / P);
    const shape = [P, tiles, heads[1] - heads[0], sizes.d];
    const out = this.outs.get(panel) ?? this.emit.sbuf(dtype, shape, "o");
    this.outs.set(panel, out);
    return out;
  }
}

/** Whole tiles of a batch's heads, then the last ones where they have fewer rows. */
function rowsOf({ depth, tiles }: Batch) {
  const last = tiles.at(-1)!.rows;
  const whole = last === P ? depth : depth - 1;
  const parts = [
    { rows: P, tiles: [0, whole] },
    { rows: last, tiles: [whole, depth] },
  ] as const;
  return parts.filter((p) => p.tiles[0] < p.tiles[1]);
}
