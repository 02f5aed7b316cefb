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
  readonly pieces: Piece[];
  /** Chunks in use. */
  chunks: number;
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
 * another sees, so that it can begin the sums of all of them. `last`: the step before, of another block, which is filled first.
 */
export function backwardSteps(
  tiles: readonly Tile[],
  [from, to]: readonly [number, number],
  last: BackwardStep | undefined,
): readonly BackwardStep[] {
  const units = tiles
    .filter((t) => t.keys > from)
    .map((tile) => ({ tile, to: Math.min(to, tile.keys) }));
  units.sort((a, b) => b.to - a.to);
  const steps: BackwardStep[] = [];
  const open: BackwardStep[] = [];
  const add = (step: BackwardStep): void => {
    steps.push(step);
    open.push(step);
  };
  units.forEach((unit, i) => {
    const chunks = Math.ceil((unit.to - from) / P);
    const fits = (step: BackwardStep): boolean => step.chunks + chunks <= STEP / P;
    // Only the first unit opens the step before: what comes ahead of it would begin fewer sums.
    if (i === 0 && last && fits(last)) add(last);
    let step = open.find(fits);
    if (!step) {
      step = { pieces: [], chunks: 0 };
      add(step);
    }
    cut(unit, from, step);
    step.chunks += chunks;
    if (step.chunks === STEP / P) open.splice(open.indexOf(step), 1);
  });
  return steps;
}

/** Adds the pieces of a unit to a step. */
function cut({ tile, to }: Pick<Piece, "tile" | "to">, from: number, step: BackwardStep): void {
  for (let start = from; start < to; start += BANK)
    step.pieces.push({
      tile,
      from: start,
      to: Math.min(start + BANK, to),
      at: step.chunks * P + start - from,
      first: start === from,
      last: start + BANK >= to,
    });
}
