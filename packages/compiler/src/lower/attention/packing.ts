/** Fills blocks of scores with segments: runs of keys of tiles. A block is a step of forward attention. */
import { type Batch, P, type Segment, type Tile } from "./plan.ts";

export interface Step<R> {
  readonly segments: readonly (Segment & R)[];
  /** Chunks of the block in use. */
  readonly chunks: number;
}

type Piece = Pick<Segment, "tile" | "from" | "to"> & { readonly range: number };
type Place = Piece & { readonly at: number };

interface Bin<R> {
  readonly segments: (Segment & R)[];
  chunks: number;
}

const chunksIn = ({ from, to }: Pick<Segment, "from" | "to">): number => Math.ceil((to - from) / P);

/** Steps with segments that read `R`, whatever that is. */
export class Packing<R> {
  private readonly bins: Bin<R>[] = [];
  /** Columns of a block. */
  private readonly block: number;
  private readonly ordered: boolean;

  /** `ordered`: a tile's segments come in the order of their keys. */
  constructor(block: number, ordered = false) {
    this.block = block;
    this.ordered = ordered;
  }

  get steps(): readonly Step<R>[] {
    return this.bins;
  }

  /**
   * Adds a batch: its tiles' keys, one range after another, in pieces of at most a block, the longest first, each where it still fits.
   * `reads` says what segments of a range read, given the step's number.
   */
  add(
    batch: Batch,
    ranges: readonly (readonly [from: number, to: number])[],
    reads: (range: number, step: number) => R,
  ): void {
    const first = this.ordered ? this.bins.length : Math.max(0, this.bins.length - 1);
    const placed: Place[][] = [];
    const used: number[] = this.bins.slice(first).map((bin) => bin.chunks);
    ranges.forEach((range, i) => {
      // A range comes after the one before it, but for what shares its last step.
      const from = Math.max(0, used.length - 1);
      this.place(this.pieces(batch, range, i), placed, used, from);
    });
    this.settle(batch, first, placed, reads);
  }

  private pieces(batch: Batch, [from, to]: readonly [number, number], range: number): Piece[] {
    const pieces: Piece[] = [];
    for (const tile of batch.tiles)
      for (let at = from; at < Math.min(to, tile.keys); at += this.block)
        pieces.push({ tile, from: at, to: Math.min(at + this.block, to, tile.keys), range });
    const longest = (a: Piece, b: Piece): number => chunksIn(b) - chunksIn(a);
    return pieces.sort(
      this.ordered
        ? (a, b) => a.from - b.from || longest(a, b)
        : (a, b) => longest(a, b) || a.from - b.from,
    );
  }

  private place(pieces: readonly Piece[], placed: Place[][], used: number[], from: number): void {
    let open = from;
    const latest = new Map<Tile, number>();
    for (const piece of pieces) {
      const chunks = chunksIn(piece);
      while (open < used.length && used[open] === this.block / P) open++;
      let at = this.ordered ? Math.max(open, (latest.get(piece.tile) ?? -1) + 1) : open;
      for (; at < used.length; at++)
        // Two pieces of one tile in a step would wait for each other.
        if (
          used[at]! + chunks <= this.block / P &&
          (placed[at] ?? []).every((p) => p.tile !== piece.tile)
        )
          break;
      used[at] ??= 0;
      placed[at] ??= [];
      placed[at]!.push({ ...piece, at: used[at]! * P });
      used[at]! += chunks;
      latest.set(piece.tile, at);
    }
  }

  /** Numbers the segments of each tile in the order of their steps. */
  private settle(
    batch: Batch,
    first: number,
    placed: readonly (readonly Place[] | undefined)[],
    reads: (range: number, step: number) => R,
  ): void {
    const left = new Map<Tile, number>();
    const all = placed.flatMap((places) => places ?? []);
    for (const { tile } of all) left.set(tile, (left.get(tile) ?? 0) + 1);
    const counts = new Map(left);
    let done = 0;
    placed.forEach((places, i) => {
      this.bins[first + i] ??= { segments: [], chunks: 0 };
      const bin = this.bins[first + i]!;
      for (const { range, ...place } of places ?? []) {
        const after = left.get(place.tile)! - 1;
        left.set(place.tile, after);
        const before = counts.get(place.tile)! - after - 1;
        const closes = ++done === all.length;
        bin.segments.push({ ...reads(range, first + i), ...place, batch, before, after, closes });
        bin.chunks += chunksIn(place);
      }
    });
  }
}
