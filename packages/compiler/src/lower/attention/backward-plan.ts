/**
 * What the gradient of attention does in which order, without instructions. Keys come in blocks whose dk and dv stand in PSUM while all
 * queries that see them pass by. A tile of queries and the keys of a block that it sees are a unit, cut into pieces of one PSUM bank;
 * units fill steps of 1024 columns, which is what is turned at once.
 */
import type { AttentionSizes } from "@opentrn/ir";
import { P, type Tile } from "./plan.ts";
import { BANK } from "./scores.ts";

/** Columns of a step. */
export const STEP = 1024;

/** Keys [from, to) of one tile, at column `at` of a step. */
export interface Piece {
  readonly tile: Tile;
  readonly from: number;
  readonly to: number;
  readonly at: number;
  /** Whether it is the first, and the last, of its unit. */
  readonly first: boolean;
  readonly last: boolean;
}

export interface BackwardStep {
  readonly pieces: readonly Piece[];
  readonly chunks: number;
}

/** Keys of a block: what dk and dv of it take is one PSUM bank each. */
export const blockOf = (d: number): number => Math.min(STEP, Math.floor(BANK / d) * P);

/** Blocks of all keys. */
export function blocksOf({ m, d }: AttentionSizes): readonly (readonly [number, number])[] {
  const size = blockOf(d);
  return Array.from({ length: Math.ceil(m / size) }, (_, i) => [
    i * size,
    Math.min(m, (i + 1) * size),
  ]);
}

/**
 * Steps of tiles with a block of keys [from, to): the longest units first, each where it still fits. The first one sees every key that
 * another sees, so that it can begin the sums of all of them.
 */
export function backwardSteps(
  tiles: readonly Tile[],
  [from, to]: readonly [number, number],
): readonly BackwardStep[] {
  const units = tiles
    .filter((t) => t.keys > from)
    .map((tile) => ({ tile, to: Math.min(to, tile.keys) }));
  const chunksOf = (u: { readonly to: number }): number => Math.ceil((u.to - from) / P);
  units.sort((a, b) => b.to - a.to);
  const bins: { readonly pieces: Piece[]; chunks: number }[] = [];
  const open: typeof bins = [];
  for (const unit of units) {
    const chunks = chunksOf(unit);
    const found = open.findIndex((b) => b.chunks + chunks <= STEP / P);
    const bin = open[found] ?? { pieces: [], chunks: 0 };
    if (found < 0) {
      bins.push(bin);
      open.push(bin);
    }
    for (let start = from; start < unit.to; start += BANK)
      bin.pieces.push({
        tile: unit.tile,
        from: start,
        to: Math.min(start + BANK, unit.to),
        at: bin.chunks * P + start - from,
        first: start === from,
        last: start + BANK >= unit.to,
      });
    bin.chunks += chunks;
    if (bin.chunks === STEP / P) open.splice(open.indexOf(bin), 1);
  }
  return bins;
}
