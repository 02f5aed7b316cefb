/** What the gradient of attention reads: queries with all that belongs to them, keys and values. Each is loaded when first asked for. */
import { records } from "@opentrn/isa";
import type { Emitter } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import { loadTokens, loadTurned, type Room, type Turned } from "./loads.ts";
import { PaddedPool, type PaddedUse } from "./padded.ts";
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

/** A number a query: [128, tiles, heads] of a panel. */
interface RowColumns {
  readonly negativeLse: View;
  /** Sum of cotangent x o. */
  readonly delta: View;
}

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

export class BackwardSources {
  private readonly emit: Emitter;
  private readonly tensors: BackwardTensors;
  private readonly lag: number;
  private readonly pools: Pools | undefined;
  private readonly known = new Map<string, () => RowColumns>();

  /** `padded`: features are padded to 128. `lag`: rounds from loads to scores. */
  constructor(
    emit: Emitter,
    tensors: BackwardTensors,
    { padded, lag }: { readonly padded: boolean; readonly lag: number },
  ) {
    this.emit = emit;
    this.tensors = tensors;
    this.lag = lag;
    const pool = (name: string, engine: "vector" | "gpsimd"): PaddedPool =>
      new PaddedPool(emit, tensors.q.dtype, name, engine);
    this.pools = padded
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
    const elements = (queries[1] - queries[0]) * (heads[1] - heads[0]);
    const uses = [this.use("q", elements), this.use("cotangent", elements)] as const;
    const load = lazily(() => ({
      q: loadTurned(this.emit, part(q), this.room("q", uses[0])),
      cotangent: loadTurned(this.emit, part(cotangent), this.room("cotangent", uses[1])),
      qRows: loadTokens(this.emit, part(q), "q_rows"),
      cotangentRows: loadTokens(this.emit, part(cotangent), "do_rows"),
    }));
    // Queries that pass by again have their columns already.
    const key = [sequence, ...heads, ...queries].join();
    const columns =
      this.known.get(key) ?? lazily(() => this.makeColumns(panel, load().cotangentRows));
    this.known.set(key, columns);
    return { panel, load, columns, readBy: readers(uses) };
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
    const elements = (range[1] - range[0]) * (heads[1] - heads[0]);
    const uses = [this.use("k", elements), this.use("v", elements)] as const;
    const load = lazily(() => ({
      k: loadTurned(this.emit, part(k), this.room("k", uses[0])),
      v: loadTurned(this.emit, part(v), this.room("v", uses[1])),
      kRows: loadTokens(this.emit, part(k), "k_rows"),
    }));
    return { load, from: range[0], group: heads[0], readBy: readers(uses) };
  }

  private use(name: keyof Pools, elements: number): PaddedUse | undefined {
    return this.pools?.[name].announce(elements);
  }

  private room(name: keyof Pools, use: PaddedUse | undefined): Room {
    if (use) return this.pools![name].room(use, this.lag);
    return (features, heads, tokens) =>
      this.emit.sbuf(this.tensors.q.dtype, [features, heads, tokens], name);
  }

  /** -lse and delta of a panel's queries. */
  private makeColumns({ sequence, heads, queries }: Panel, cotangent: View): RowColumns {
    const { emit, tensors } = this;
    const [rows, tiles, wide, d] = cotangent.shape as [number, number, number, number];
    const o = loadTokens(
      emit,
      tensors.o
        .at(0, sequence)
        .slice(0, ...queries)
        .slice(1, ...heads),
      "o_rows",
    );
    const column = (name: string): View => emit.sbuf("float32", [rows, tiles, wide], name);
    const columns = { negativeLse: column("negative_lse"), delta: column("delta") };
    const lse = tensors.lse
      .at(0, sequence)
      .slice(0, ...heads)
      .slice(1, ...queries);
    const product = emit.sbuf("float32", [rows, tiles, wide, d], "do_o");
    for (const part of partsOf(queries[1] - queries[0])) {
      const of = (x: View): View => x.slice(0, 0, part.rows).slice(1, ...part.tiles);
      const negative = of(columns.negativeLse);
      this.loadLse(lse, negative, part);
      emit.emit(
        records.tensorScalar,
        { dst: negative, data: negative, operand0: -1 },
        { op0: "multiply", engine: "vector" },
      );
      for (let h = 0; h < wide; h++)
        emit.emit(
          records.tensorTensor,
          {
            dst: of(product).at(2, h),
            data1: of(cotangent).at(2, h),
            data2: of(o).at(2, h),
          },
          { op: "multiply", engine: "gpsimd" },
        );
      emit.emit(
        records.tensorReduce,
        { dst: of(columns.delta), data: of(product) },
        { op: "add", axis: [3] },
      );
    }
    return columns;
  }

  /** `lse` [heads, queries] in HBM to [rows, tiles, heads]. */
  private loadLse(lse: View, dst: View, { rows, tiles }: Part): void {
    const heads = lse.shape[0]!;
    const count = tiles[1] - tiles[0];
    const src = lse
      .slice(1, tiles[0] * P, tiles[0] * P + count * rows)
      .reshape([heads, count, rows]);
    if (heads === 1) this.emit.emit(records.dmaTranspose, { dst: dst.at(2, 0), src: src.at(0, 0) });
    else this.emit.emit(records.dmaTranspose, { dst, src });
  }
}

/** Tells every use which step reads it. */
const readers =
  (uses: readonly (PaddedUse | undefined)[]) =>
  (work: number): void => {
    for (const use of uses) use?.readBy(work);
  };

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
