/**
 * What forward attention does in which order, without instructions: tiles of 128 queries, batches of tiles that are finished together,
 * and steps, each of which fills one block of scores with segments: runs of keys of one tile.
 */
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
  readonly tile: Tile;
  readonly from: number;
  readonly to: number;
  readonly at: number;
  /** Segments of this tile before and after it. */
  readonly before: number;
  readonly after: number;
}

export interface Step {
  readonly batch: Batch;
  readonly segments: readonly Segment[];
  /** Chunks of the block in use. */
  readonly chunks: number;
  /** Whether this is the last step of its batch. */
  readonly closes: boolean;
}

/** Keys a query of row `i` sees: [0, seen). */
export const seenBy = (i: number, { n, m }: AttentionSizes, causal: boolean): number =>
  causal ? i + m - n + 1 : m;

/** Most tiles of a head that a panel holds. */
const DEPTH = 8;

/** Panels of a sequence's heads, [from, to). */
export function panelsOf(
  { n }: AttentionSizes,
  sequence: number,
  heads: readonly [number, number],
): readonly Panel[] {
  const panels: Panel[] = [];
  for (let from = 0; from < n; from += DEPTH * P)
    panels.push({ sequence, heads, queries: [from, Math.min(n, from + DEPTH * P)] });
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

type Piece = Pick<Segment, "tile" | "from" | "to">;

interface Bin {
  readonly pieces: Piece[];
  chunks: number;
}

const chunksOf = ({ from, to }: Piece): number => Math.ceil((to - from) / P);

/** The steps of a batch, one list for each range of keys: pieces of at most a block, the longest first, each where it still fits. */
export function stepsOf(
  batch: Batch,
  block: number,
  ranges: readonly (readonly [from: number, to: number])[],
): readonly (readonly Step[])[] {
  const strips = ranges.map((range) => binsOf(batch, block, range));
  const after = new Map<Tile, number>();
  for (const { tile } of strips.flat().flatMap((bin) => bin.pieces))
    after.set(tile, (after.get(tile) ?? 0) + 1);
  const before = new Map<Tile, number>();
  const last = strips.findLast((bins) => bins.length > 0)?.at(-1);
  return strips.map((bins) =>
    bins.map((bin) => {
      let at = 0;
      const segments = bin.pieces.map((piece) => {
        const { tile } = piece;
        const done = before.get(tile) ?? 0;
        before.set(tile, done + 1);
        const left = after.get(tile)! - done - 1;
        const segment = { ...piece, at, before: done, after: left };
        at += chunksOf(piece) * P;
        return segment;
      });
      return { batch, segments, chunks: bin.chunks, closes: bin === last };
    }),
  );
}

function binsOf(
  batch: Batch,
  block: number,
  [from, to]: readonly [number, number],
): readonly Bin[] {
  const pieces: Piece[] = [];
  for (const tile of batch.tiles)
    for (let at = from; at < Math.min(to, tile.keys); at += block)
      pieces.push({ tile, from: at, to: Math.min(at + block, to, tile.keys) });
  pieces.sort((a, b) => chunksOf(b) - chunksOf(a) || a.from - b.from);
  const bins: Bin[] = [];
  const open: Bin[] = [];
  for (const piece of pieces) {
    const chunks = chunksOf(piece);
    // Two pieces of one tile in a step would wait for each other.
    const fits = open.findIndex(
      (b) => b.chunks + chunks <= block / P && b.pieces.every((p) => p.tile !== piece.tile),
    );
    const bin = open[fits] ?? { pieces: [], chunks: 0 };
    bin.pieces.push(piece);
    bin.chunks += chunks;
    if (fits < 0) bins.push(bin);
    if (fits < 0 && bin.chunks < block / P) open.push(bin);
    else if (fits >= 0 && bin.chunks === block / P) open.splice(fits, 1);
  }
  return bins;
}
