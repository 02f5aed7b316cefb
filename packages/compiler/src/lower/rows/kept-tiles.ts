/** Values from HBM that stay in SBUF: whole rows that pass in chunks several times, and columns that blocks of other rows need again. */
import type { Value } from "@opentrn/ir";
import { bytesOf } from "@opentrn/numerics";
import type { View } from "../../emit/view.ts";
import type { Domain } from "./domain.ts";
import { type Extent, freeCounts, type Layout } from "./layout.ts";
import type { Site } from "./site.ts";
import type { Tile } from "./tile.ts";

/** What is kept. */
export interface Keeping {
  /** Values whose whole rows stay for a block of rows. */
  readonly rows?: ReadonlySet<Value>;
  /** Bytes of a partition for chunks of values without rows. */
  readonly columnBytes?: number;
}

/** Loads a value's part of the present block. */
type Fetch = (tile: View) => void;

export class KeptTiles {
  private readonly domain: Domain;
  private readonly layout: Layout;
  private readonly site: Site;
  private readonly kept: ReadonlySet<Value>;
  private readonly rows = new Map<Value, View>();
  /** Chunks of the present rows that are there. */
  private loaded = new Map<Value, Set<number>>();
  private readonly columns = new Map<Value, Map<string, Tile>>();
  /** Bytes of a partition left for columns. */
  private left: number;

  constructor(
    domain: Domain,
    layout: Layout,
    site: Site,
    { rows = new Set(), columnBytes = 0 }: Keeping,
  ) {
    this.domain = domain;
    this.layout = layout;
    this.site = site;
    this.kept = rows;
    this.left = columnBytes;
  }

  /** Other rows begin: what was loaded of the last ones is void. */
  nextRows(): void {
    this.loaded = new Map();
  }

  /** The present chunk of a value whose rows stay; undefined for others. */
  rowsOf(v: Value, { from, to, partitions }: Extent, fetch: Fetch): Tile | undefined {
    if (!this.kept.has(v)) return undefined;
    const whole = this.rows.get(v) ?? this.wholeRows(v);
    const view = whole.slice(0, 0, partitions).slice(this.layout.chunk + 2, from, to);
    const loaded = this.loaded.get(v) ?? new Set<number>();
    this.loaded.set(v, loaded);
    if (!loaded.has(from)) fetch(view);
    loaded.add(from);
    return { view };
  }

  private wholeRows(v: Value): View {
    const { domain, layout, site } = this;
    const all = { from: 0, to: domain.axes.size(layout.free[layout.chunk]!) };
    const counts = freeCounts(domain, layout, domain.varies(v), all);
    const lanes = site.emit.chip.partitions.value;
    const made = site.keep(v.type.dtype, [lanes, 1, ...counts], "rows").view;
    this.rows.set(v, made);
    return made;
  }

  /** The present chunk of a value without rows, while there is room to keep it. */
  columnsOf(
    v: Value,
    { from, to }: Extent,
    counts: readonly number[],
    fetch: Fetch,
  ): Tile | undefined {
    const known = this.columns.get(v) ?? new Map<string, Tile>();
    this.columns.set(v, known);
    const before = known.get(`${from} ${to}`);
    if (before) return before;
    const bytes = counts.slice(1).reduce((a, b) => a * b, bytesOf(v.type.dtype));
    if (bytes > this.left) return undefined;
    this.left -= bytes;
    const tile = this.site.keep(v.type.dtype, counts, "columns");
    fetch(tile.view);
    known.set(`${from} ${to}`, tile);
    return tile;
  }
}
