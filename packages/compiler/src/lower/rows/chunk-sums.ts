/** Reductions along the axis that is taken in chunks: each chunk is folded, and the parts into one tile for the block of rows. */
import type { Body, Operation } from "@opentrn/ir";
import type { Evaluator } from "./evaluate.ts";
import { roundTo } from "./integer-ops.ts";
import { foldedAxes } from "./layout.ts";
import { accumulate, fold, partialType } from "./reduce.ts";
import { countsOf, repeated, type Tile } from "./tile.ts";

export interface ChunkSum {
  readonly op: Operation;
  /** Takes in one chunk's operand. */
  readonly add: () => void;
  /** The result, when all chunks are in. */
  readonly finish: () => Tile;
}

/** The reduction `op` of one block of rows. */
export function chunkSum(e: Evaluator, op: Operation): ChunkSum {
  const body = op.attrs["body"] as Body;
  const [x] = op.operands;
  const { dtype } = op.results[0]!.type;
  const held = partialType(dtype);
  let sum: Tile | undefined;
  return {
    op,
    add: () => {
      const folded = foldedAxes(e.domain, op);
      const all = new Set([...folded, ...e.domain.varies(x!)]);
      const x0 = e.tile(x!);
      const beside = e.takeSum(x!);
      if (beside) {
        if (sum) {
          accumulate(e.site, sum, beside, body);
          e.site.give(beside.slot!);
        } else sum = beside;
        e.finish(op);
        return;
      }
      const whole = { view: repeated(x0, e.countsFor(all)) };
      const gone = folded.map((a) => e.dimOf(a));
      const counts = countsOf(whole).map((n, d) => (gone.includes(d) ? 1 : n));
      if (sum) {
        const part = e.site.scratch(held, counts);
        fold(e.site, part, whole, gone, body, dtype);
        accumulate(e.site, sum, part, body);
      } else {
        sum = e.site.make(held, counts);
        fold(e.site, sum, whole, gone, body, dtype);
      }
      e.finish(op);
      e.site.done();
    },
    finish: () => {
      if (held === dtype) return sum!;
      const own = e.site.make(dtype, countsOf(sum!));
      roundTo(e.site, own, sum!);
      if (sum!.slot) e.site.give(sum!.slot);
      return own;
    },
  };
}
