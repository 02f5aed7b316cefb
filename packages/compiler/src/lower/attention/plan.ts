/** What forward attention works on, without instructions: tiles of 128 queries, and batches of tiles that are finished together. */
import type { AttentionSizes } from "@opentrn/ir";

/** Rows of a tile, and keys of a chunk. */
export const P = 128;

/** Up to 128 queries of one head. */
export interface Tile {
  readonly head: number;
  /** First query, and how many. */
  readonly from: number;
  readonly rows: number;
  /** Keys that at least one of its queries sees, counted from key 0. */
  readonly keys: number;
  /** Position in its batch. */
  readonly slot: number;
}

/** Queries of some heads of one sequence, loaded and stored together. */
export interface Panel {
  readonly sequence: number;
  readonly heads: readonly [from: number, to: number];
  readonly queries: readonly [from: number, to: number];
}

/** Tiles of a panel that are finished together: some of one head, or all of several heads. */
export interface Batch {
  readonly panel: Panel;
  readonly heads: readonly [from: number, to: number];
  /** First query. */
  readonly from: number;
  /** Tiles a head. */
  readonly depth: number;
  readonly tiles: readonly Tile[];
  /** Keys of at least one tile come in more than one segment. */
  readonly online: boolean;
  /** Whether this is the last batch of its panel. */
  readonly closes: boolean;
}

/** Keys [from, to) of a tile, whose scores stand in a block from column `at`. */
export interface Segment {
  readonly batch: Batch;
  readonly tile: Tile;
  readonly from: number;
  readonly to: number;
  readonly at: number;
  /** Segments of this tile before and after it. */
  readonly before: number;
  readonly after: number;
  /** Whether it is the last of its batch. */
  readonly closes: boolean;
}

/** 128 x 128 scores of one head, those with the diagonal in full. */
export function chunksOf({ n, m }: AttentionSizes, causal: boolean): number {
  const [tiles, chunks] = [Math.ceil(n / P), Math.ceil(m / P)];
  return causal ? tiles * (chunks - (tiles - 1) / 2) : tiles * chunks;
}

/** Keys a query of row `i` sees: [0, seen). */
const seenBy = (i: number, { n, m }: AttentionSizes, causal: boolean): number =>
  causal ? i + m - n + 1 : m;

/** Most tiles of a head that a panel holds. */
const DEPTH = 8;

/** Panels of a sequence's heads, [from, to), with so many heads times queries at most, but whole heads of up to 1024 queries. */
export function panelsOf(
  { n }: AttentionSizes,
  sequence: number,
  [from, to]: readonly [number, number],
  most: number,
): readonly Panel[] {
  const panels: Panel[] = [];
  const abreast = Math.max(1, Math.floor(most / Math.min(n, DEPTH * P)));
  for (let head = from; head < to; head += abreast)
    for (let query = 0; query < n; query += DEPTH * P) {
      const heads = [head, Math.min(to, head + abreast)] as const;
      panels.push({ sequence, heads, queries: [query, Math.min(n, query + DEPTH * P)] });
    }
  return panels;
}

/** Batches of a panel with at most `most` tiles each; scores come in blocks of `block` columns. */
export function batchesOf(
  sizes: AttentionSizes,
  causal: boolean,
  panel: Panel,
  { most, block }: { readonly most: number; readonly block: number },
): readonly Batch[] {
  const [first, end] = panel.queries;
  const depth = Math.min(most, Math.ceil((end - first) / P));
  const whole = depth * P >= end - first;
  const abreast = whole ? Math.floor(most / depth) : 1;
  const batches: Batch[] = [];
  for (let head = panel.heads[0]; head < panel.heads[1]; head += abreast)
    for (let from = first; from < end; from += depth * P) {
      const heads = [head, Math.min(head + abreast, panel.heads[1])] as const;
      const queries = [from, Math.min(from + depth * P, end)] as const;
      const tiles = tilesOf(sizes, causal, heads, queries);
      batches.push({
        panel,
        heads,
        from,
        depth: tiles.length / (heads[1] - heads[0]),
        tiles,
        online: tiles.some((t) => t.keys > block),
        closes: heads[1] === panel.heads[1] && queries[1] === end,
      });
    }
  return batches;
}

/** Tiles of 128 queries of heads [head, until), queries [first, end). */
export function tilesOf(
  sizes: AttentionSizes,
  causal: boolean,
  [head, until]: readonly [number, number],
  [first, end]: readonly [number, number],
): readonly Tile[] {
  const tiles: Tile[] = [];
  for (let h = head; h < until; h++)
    for (let from = first; from < end; from += P) {
      const rows = Math.min(P, end - from);
      const keys = seenBy(from + rows - 1, sizes, causal);
      tiles.push({ head: h, from, rows, keys, slot: tiles.length });
    }
  return tiles;
}
