/**
 * Reductions along the axis that is taken in chunks. Where one value a row is left, every chunk leaves a column and the columns are folded
 * at the end; else each chunk is folded into one tile for the block of rows.
 */
import type { Body, Operation, Value } from "@opentrn/ir";
import type { Evaluator, Fold } from "./evaluate.ts";
import { roundTo } from "./integer-ops.ts";
import { foldedAxes } from "./layout.ts";
import { accumulate, fold, partialType } from "./reduce.ts";
import { countsOf, repeated, type Tile } from "./tile.ts";

export interface ChunkSum {
  /** What it asks for in every chunk. */
  readonly takes: readonly Value[];
  /** A plain reduction, whose sums may come on the side. */
  readonly fold?: Fold;
  /** Takes in one chunk's operand. */
  readonly add: () => void;
  /** Puts the result in its place, when all chunks are in. */
  readonly finish: () => void;
}

/** What a fold of one chunk needs. */
function chunkOf(e: Evaluator, op: Operation) {
  const [x] = op.operands;
  const folded = foldedAxes(e.domain, op);
  const all = new Set([...folded, ...e.domain.varies(x!)]);
  const tile = e.tile(x!);
  const whole = { view: repeated(tile, e.countsFor(all)) };
  return { whole, gone: folded.map((a) => e.dimOf(a)) };
}

/** The reduction `op` of one block of rows in `chunks` chunks. */
export function chunkSum(e: Evaluator, op: Operation, chunks: number): ChunkSum {
  const [y] = op.results;
  const counts = e.countsFor(e.domain.varies(y!));
  return counts.every((n, d) => d === 0 || n === 1) ? inColumns(e, op, chunks) : inOneTile(e, op);
}

function inColumns(e: Evaluator, op: Operation, chunks: number): ChunkSum {
  const body = op.attrs["body"] as Body;
  const [x] = op.operands;
  const { dtype } = op.results[0]!.type;
  const held = partialType(dtype);
  let parts: Tile | undefined;
  let done = 0;
  const column = (): Tile => {
    const counts = e.countsFor(e.domain.varies(op.results[0]!));
    parts ??= e.site.make(held, counts.with(1, chunks));
    return { view: parts.view.slice(1, done, done + 1) };
  };
  return {
    takes: op.operands,
    fold: { op, place: () => (held === "float32" ? column() : undefined) },
    add: () => {
      const { whole, gone } = chunkOf(e, op);
      if (!e.takeSum(x!)) fold(e.site, column(), whole, gone, body, dtype);
      done++;
      e.finish(op);
      e.site.done();
    },
    finish: () => {
      const sum = e.site.make(held, countsOf(parts!).with(1, 1));
      fold(e.site, sum, parts!, [1], body, held);
      e.site.give(parts!.slot!);
      e.put(op.results[0]!, typed(e, sum, dtype));
      e.site.done();
    },
  };
}

function inOneTile(e: Evaluator, op: Operation): ChunkSum {
  const body = op.attrs["body"] as Body;
  const { dtype } = op.results[0]!.type;
  const held = partialType(dtype);
  let sum: Tile | undefined;
  return {
    takes: op.operands,
    fold: { op, place: () => undefined },
    add: () => {
      const { whole, gone } = chunkOf(e, op);
      const counts = countsOf(whole).map((n, d) => (gone.includes(d) ? 1 : n));
      const part = sum ? e.site.scratch(held, counts) : e.site.make(held, counts);
      fold(e.site, part, whole, gone, body, dtype);
      if (sum) accumulate(e.site, sum, part, body);
      else sum = part;
      e.finish(op);
      e.site.done();
    },
    finish: () => {
      e.put(op.results[0]!, typed(e, sum!, dtype));
    },
  };
}

/** A finished fold in the result's type. */
function typed(e: Evaluator, sum: Tile, dtype: Tile["view"]["dtype"]): Tile {
  if (sum.view.dtype === dtype) return sum;
  const own = e.site.make(dtype, countsOf(sum));
  roundTo(e.site, own, sum);
  e.site.give(sum.slot!);
  return own;
}
