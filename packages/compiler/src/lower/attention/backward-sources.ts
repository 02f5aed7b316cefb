/** What the gradient of attention reads: queries with all that belongs to them, keys and values. Each is loaded when first asked for. */
import { records } from "@opentrn/isa";
import type { Emitter } from "../../emit/emitter.ts";
import { View } from "../../emit/view.ts";
import type { Tally } from "./balance.ts";
import type { Ledger, Stay } from "./ledger.ts";
import {
  type Loaded,
  loadedBytes,
  loadTokens,
  loadTurned,
  type Room,
  type Turned,
  turnedBytes,
} from "./loads.ts";
import { PaddedPool } from "./padded.ts";
import { P, type Panel, type Tile } from "./plan.ts";
import { lazily } from "./sources.ts";

export interface BackwardTensors {
  /** [b, n, h, d]; k and v [b, m, g, d]; lse [b, h, n]. */
  readonly q: View;
  readonly k: View;
  readonly v: View;
  readonly o: View;
  readonly lse: View;
  /** Of o. */
  readonly cotangent: View;
  /** Where the results go. */
  readonly dq: readonly View[];
  readonly dk: readonly View[];
  readonly dv: readonly View[];
}

/** A number a query, [128, tiles, heads] of a panel: -lse, and delta = sum of cotangent x o. Made in steps, each issued once. */
export class RowColumns {
  readonly negativeLse: View;
  readonly delta: View;
  private readonly emit: Emitter;
  private readonly cotangent: View;
  private readonly o: View;
  private readonly product: View;
  private readonly parts: readonly Part[];
  private readonly done = new Set<string>();

  /** Loads `lse` [heads, queries] and `o` [queries, heads, d]; `cotangent` is on chip, [128, tiles, heads, d]. */
  constructor(emit: Emitter, lse: View, o: View, cotangent: View) {
    this.emit = emit;
    this.cotangent = cotangent;
    const [rows, tiles, heads] = cotangent.shape as [number, number, number, number];
    this.negativeLse = emit.sbuf("float32", [rows, tiles, heads], "negative_lse");
    this.delta = emit.sbuf("float32", [rows, tiles, heads], "delta");
    this.product = emit.sbuf("float32", cotangent.shape, "do_o");
    this.parts = partsOf(o.shape[0]!);
    this.o = loadTokens(emit, o, "o_rows");
    for (const part of this.parts) this.loadLse(lse, part);
  }

  private once(step: string, issue: (part: Part) => void): void {
    if (this.done.has(step)) return;
    this.done.add(step);
    for (const part of this.parts) issue(part);
  }

  /** GpSimd: cotangent x o of one head. */
  multiply(head: number): void {
    this.once(`multiply ${head}`, (part) => {
      const of = (x: View): View => inPart(x, part).at(2, head);
      this.emit.emit(
        records.tensorTensor,
        { dst: of(this.product), data1: of(this.cotangent), data2: of(this.o) },
        { op: "multiply", engine: "gpsimd" },
      );
    });
  }

  /** VectorE: delta of one head, and the sign of all lse. */
  sum(head: number, tally: Tally): void {
    this.once("negate", (part) => {
      const x = inPart(this.negativeLse, part);
      const how = { op0: "multiply", engine: "vector" };
      this.emit.emit(records.tensorScalar, { dst: x, data: x, operand0: -1 }, how);
    });
    this.once(`sum ${head}`, (part) => {
      const of = (x: View): View => inPart(x, part).at(2, head);
      const how = { op: "add", axis: [2] };
      tally.add("vector", tally.cost("vector", of(this.product).free));
      this.emit.emit(records.tensorReduce, { dst: of(this.delta), data: of(this.product) }, how);
    });
  }

  private loadLse(lse: View, part: Part): void {
    const { rows, tiles } = part;
    const heads = lse.shape[0]!;
    const count = tiles[1] - tiles[0];
    const src = lse
      .slice(1, tiles[0] * P, tiles[0] * P + count * rows)
      .reshape([heads, count, rows]);
    const dst = inPart(this.negativeLse, part);
    if (heads === 1) this.emit.emit(records.dmaTranspose, { dst: dst.at(2, 0), src: src.at(0, 0) });
    else this.emit.emit(records.dmaTranspose, { dst, src });
  }
}

const inPart = (x: View, { rows, tiles }: Part): View =>
  x.slice(0, 0, rows).slice(1, tiles[0], tiles[1]);

export interface LoadedQueries {
  readonly q: Turned;
  readonly cotangent: Turned;
  /** [128, tiles, heads, d]. */
  readonly qRows: View;
  readonly cotangentRows: View;
}

export interface LoadedKeys {
  readonly k: Turned;
  readonly v: Turned;
  /** [128, chunks, heads, d]. */
  readonly kRows: View;
}

export interface QuerySide {
  readonly panel: Panel;
  readonly readBy: (work: number) => void;
  readonly load: () => LoadedQueries;
  readonly columns: () => RowColumns;
}

export interface KeySide {
  readonly readBy: (work: number) => void;
  readonly load: () => LoadedKeys;
  /** First key and first key head of what is loaded. */
  readonly from: number;
  readonly group: number;
}

type Pools = Readonly<Record<"q" | "cotangent" | "k" | "v", PaddedPool>>;

export interface BackwardSourcesOptions {
  /** Whether features are padded to 128. */
  readonly padded: boolean;
  /** Rounds from loads to the last scores of them. */
  readonly lag: number;
  readonly ledger: Ledger;
}

export class BackwardSources {
  private readonly emit: Emitter;
  private readonly tensors: BackwardTensors;
  private readonly lag: number;
  private readonly pools: Pools | undefined;
  private readonly known = new Map<string, () => RowColumns>();

  private readonly ledger: Ledger;

  constructor(emit: Emitter, tensors: BackwardTensors, options: BackwardSourcesOptions) {
    this.emit = emit;
    this.tensors = tensors;
    this.lag = options.lag;
    this.ledger = options.ledger;
    const pool = (name: string, engine: "vector" | "gpsimd"): PaddedPool =>
      new PaddedPool(emit, tensors.q.dtype, name, engine);
    this.pools = options.padded
      ? {
          q: pool("q", "gpsimd"),
          cotangent: pool("do", "vector"),
          k: pool("k", "gpsimd"),
          v: pool("v", "vector"),
        }
      : undefined;
  }

  queries(panel: Panel): QuerySide {
    const { q, cotangent } = this.tensors;
    const { sequence, heads, queries } = panel;
    const part = (x: View): View =>
      x
        .at(0, sequence)
        .slice(0, ...queries)
        .slice(1, ...heads);
    const size = { tokens: queries[1] - queries[0], heads: heads[1] - heads[0] };
    // Besides q and the cotangent: o, their product, sums of dq and dq.
    const rows = loadedBytes(q, size);
    const fp32 = loadedBytes(tensor32(q), size);
    const stay = this.ledger.stay(2 * turnedBytes(q, size) + 4 * rows + 2 * fp32);
    this.announce(["q", "cotangent"], size, stay);
    const load = lazily(() => ({
      q: loadTurned(this.emit, part(q), this.room("q", stay)),
      cotangent: loadTurned(this.emit, part(cotangent), this.room("cotangent", stay)),
      qRows: loadTokens(this.emit, part(q), "q_rows"),
      cotangentRows: loadTokens(this.emit, part(cotangent), "do_rows"),
    }));
    // Queries that pass by again have their columns already.
    const key = [sequence, ...heads, ...queries].join();
    const lse = this.tensors.lse
      .at(0, sequence)
      .slice(0, ...heads)
      .slice(1, ...queries);
    const make = (): RowColumns =>
      new RowColumns(this.emit, lse, part(this.tensors.o), load().cotangentRows);
    const columns = this.known.get(key) ?? lazily(make);
    this.known.set(key, columns);
    return { panel, load, columns, readBy: (work) => stay.readBy(work) };
  }

  keys(
    sequence: number,
    heads: readonly [number, number],
    range: readonly [number, number],
  ): KeySide {
    const { k, v } = this.tensors;
    const part = (x: View): View =>
      x
        .at(0, sequence)
        .slice(0, ...range)
        .slice(1, ...heads);
    const size = { tokens: range[1] - range[0], heads: heads[1] - heads[0] };
    // Besides k and v: dk and dv.
    const stay = this.ledger.stay(2 * turnedBytes(k, size) + 3 * loadedBytes(k, size));
    this.announce(["k", "v"], size, stay);
    const load = lazily(() => ({
      k: loadTurned(this.emit, part(k), this.room("k", stay)),
      v: loadTurned(this.emit, part(v), this.room("v", stay)),
      kRows: loadTokens(this.emit, part(k), "k_rows"),
    }));
    return { load, from: range[0], group: heads[0], readBy: (work) => stay.readBy(work) };
  }

  private announce(names: readonly (keyof Pools)[], { tokens, heads }: Loaded, stay: Stay): void {
    for (const name of names) this.pools?.[name].announce(tokens * heads, stay);
  }

  private room(name: keyof Pools, stay: Stay): Room {
    const { emit, pools, lag, tensors } = this;
    return (
      pools?.[name].room(stay, lag) ??
      ((features, heads, tokens) => emit.sbuf(tensors.q.dtype, [features, heads, tokens], name))
    );
  }
}

/** As if it were fp32, for sizes. */
const tensor32 = (x: View): View => new View(x.space, { ...x.pattern, dtype: "float32" });

interface Part {
  readonly rows: number;
  readonly tiles: readonly [from: number, to: number];
}

/** Whole tiles of so many queries, then the rest. */
function partsOf(queries: number): readonly Part[] {
  const whole = Math.floor(queries / P);
  const parts: Part[] = [
    { rows: P, tiles: [0, whole] },
    { rows: queries - whole * P, tiles: [whole, whole + 1] },
  ];
  return parts.filter((p) => p.rows > 0 && p.tiles[0] < p.tiles[1]);
}

/** A tile's row in what a panel holds: [128, tiles, heads, ...]. */
export const rowsOfTile = (x: View, panel: Panel, tile: Tile): View =>
  x
    .at(1, (tile.from - panel.queries[0]) / P)
    .at(1, tile.head - panel.heads[0])
    .slice(0, 0, tile.rows);
