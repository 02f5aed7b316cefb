/** dq: sums over blocks of keys leave PSUM scaled, are added up in SBUF, or in HBM where they are too many, and rounded once. */
import { records } from "@opentrn/isa";
import type { Emitter } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import type { Tally } from "./balance.ts";
import { loadTokensInto, storeTokens } from "./loads.ts";
import { P, type Panel, type Tile } from "./plan.ts";
import { scaledCopy } from "./turn.ts";

export interface QueryGradientsOptions {
  readonly scale: number;
  readonly tally: Tally;
  readonly dtype: View["dtype"];
  readonly d: number;
  /** Views of [b, n, h, d]. */
  readonly dq: readonly View[];
  /** Keys of a block. */
  readonly block: number;
  /** Whether sums wait in HBM between blocks. */
  readonly spills: boolean;
}

/** A panel of queries, with all its tiles, passing by a block of keys. */
export interface Visit {
  readonly panel: Panel;
  readonly tiles: readonly Tile[];
  /** Number of the block. */
  readonly block: number;
}

interface Sums {
  /** [128, tiles, heads, d], fp32. */
  readonly sum: View;
  /** The same, as dq. */
  readonly out: View;
  /** Additions that are to come. */
  left: number;
}

export class QueryGradients {
  private readonly emit: Emitter;
  private readonly options: QueryGradientsOptions;
  private readonly held = new Map<string, Sums>();
  /** [queries, heads, d] in HBM, by panel. */
  private readonly waiting = new Map<string, View>();

  constructor(emit: Emitter, options: QueryGradientsOptions) {
    this.emit = emit;
    this.options = options;
  }

  /** Blocks of keys that a tile sees. */
  private blocks({ keys }: Tile): number {
    return Math.ceil(keys / this.options.block);
  }

  /** Adds a tile's sum over one block: `products` [rows, d] in PSUM. */
  add(visit: Visit, tile: Tile, products: View): void {
    const { emit } = this;
    const { scale, tally } = this.options;
    const { panel, block } = visit;
    const key = this.keyOf(visit);
    const sums = this.held.get(key) ?? this.open(visit);
    this.held.set(key, sums);
    const of = (x: View): View =>
      x
        .at(1, (tile.from - panel.queries[0]) / P)
        .at(1, tile.head - panel.heads[0])
        .slice(0, 0, tile.rows);
    const dst = of(block === this.blocks(tile) - 1 ? sums.out : sums.sum);
    if (block === 0) scaledCopy(emit, tally, dst, products, scale);
    else {
      tally.add("vector", tally.cost("vector", products.free));
      emit.emit(
        records.scalarTensorTensor,
        { dst, data: products, operand0: scale, operand1: of(sums.sum) },
        { op0: "multiply", op1: "add" },
      );
    }
    sums.left--;
    if (sums.left > 0) return;
    this.held.delete(key);
    this.close(visit, sums);
  }

  private keyOf({ panel, block }: Visit): string {
    const { sequence, heads, queries } = panel;
    const key = [sequence, ...heads, ...queries].join();
    return this.options.spills ? `${key},${block}` : key;
  }

  private open(visit: Visit): Sums {
    const { emit } = this;
    const { d, dtype, spills } = this.options;
    const { panel, tiles, block } = visit;
    const count = Math.ceil((panel.queries[1] - panel.queries[0]) / P);
    const shape = [P, count, panel.heads[1] - panel.heads[0], d];
    const sum = emit.sbuf("float32", shape, "dq_sum");
    const out = emit.sbuf(dtype, shape, "dq");
    const seen = tiles.map((t) => this.blocks(t));
    if (!spills) return { sum, out, left: seen.reduce((a, b) => a + b, 0) };
    const range = this.rangeOf(visit, block);
    if (block > 0)
      loadTokensInto(emit, this.tokens(sum, panel, range), this.waitingOf(panel, range));
    return { sum, out, left: seen.filter((blocks) => blocks > block).length };
  }

  private close(visit: Visit, { sum, out }: Sums): void {
    const { emit } = this;
    const { spills, dq } = this.options;
    const { panel, block } = visit;
    const all = this.rangeOf(visit, 0);
    const going = spills ? this.rangeOf(visit, block) : all;
    const staying = spills ? this.rangeOf(visit, block + 1) : ([all[1], all[1]] as const);
    if (staying[0] > going[0]) {
      const range = [going[0], staying[0]] as const;
      for (const to of dq)
        storeTokens(
          emit,
          to
            .at(0, panel.sequence)
            .slice(0, ...range)
            .slice(1, ...panel.heads),
          this.tokens(out, panel, range),
        );
    }
    if (staying[1] > staying[0])
      storeTokens(emit, this.waitingOf(panel, staying), this.tokens(sum, panel, staying));
  }

  /** Queries of a panel that see more than `blocks` blocks: the later ones. */
  private rangeOf({ panel, tiles }: Visit, blocks: number): readonly [number, number] {
    const first = tiles.find((t) => this.blocks(t) > blocks);
    return [first ? first.from : panel.queries[1], panel.queries[1]];
  }

  /** Queries [from, to) of [128, tiles, heads, d]. */
  private tokens(x: View, panel: Panel, [from, to]: readonly [number, number]): View {
    const tile = (query: number): number => Math.ceil((query - panel.queries[0]) / P);
    return x.slice(1, tile(from), tile(to));
  }

  private waitingOf(panel: Panel, [from, to]: readonly [number, number]): View {
    const { sequence, heads, queries } = panel;
    const key = [sequence, ...heads, ...queries].join();
    const shape = [queries[1] - queries[0], heads[1] - heads[0], this.options.d];
    const whole = this.waiting.get(key) ?? this.emit.hbm("dq_sums", "float32", shape);
    this.waiting.set(key, whole);
    return whole.slice(0, from - queries[0], to - queries[0]);
  }
}
