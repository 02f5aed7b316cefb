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

/** Tiles of one sequence: some of one head, or all of several heads. */
export interface Batch {
  readonly sequence: number;
  readonly heads: readonly [from: number, to: number];
  readonly queries: readonly [from: number, to: number];
  /** Tiles a head. */
  readonly depth: number;
  readonly tiles: readonly Tile[];
  /** Keys of at least one tile come in more than one segment. */
  readonly online: boolean;
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

/** Batches of a sequence's heads [from, to) with at most `most` tiles each. */
export function batchesOf(
  sizes: AttentionSizes,
  causal: boolean,
  sequence: number,
  [from, to]: readonly [number, number],
  { most, block }: { readonly most: number; readonly block: number },
): readonly Batch[] {
  const { n } = sizes;
  const depth = Math.ceil(n / P);
  const abreast = Math.max(1, Math.floor(most / depth));
  const batches: Batch[] = [];
  for (let head = from; head < to; head += abreast) {
    const heads = [head, Math.min(head + abreast, to)] as const;
    for (let tile = 0; tile < depth; tile += most) {
      const end = Math.min(tile + most, depth);
      const tiles: Tile[] = [];
      for (let h = heads[0]; h < heads[1]; h++)
        for (let t = tile; t < end; t++) {
          const rows = Math.min(P, n - t * P);
          const keys = seenBy(t * P + rows - 1, sizes, causal);
          tiles.push({ head: h, from: t * P, rows, keys, slot: tiles.length });
        }
      batches.push({
        sequence,
        heads,
        queries: [tile * P, Math.min(n, end * P)],
        depth: end - tile,
        tiles,
        online: tiles.some((t) => t.keys > block),
      });
    }
  }
  return batches;
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
