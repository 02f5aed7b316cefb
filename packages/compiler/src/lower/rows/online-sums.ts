/**
 * The maximum of a row and the sum of its exponentials less that maximum, in one pass over the chunks: every chunk takes its own maximum
 * off, and its sum is scaled to the whole row's at the end. Two of three passes over rows that are larger than SBUF.
 */
import type { Operation, Value } from "@opentrn/ir";
import type { ChunkSum } from "./chunk-sums.ts";
import type { Evaluator } from "./evaluate.ts";
import { activation, tensorScalar, tensorTensor } from "./instructions.ts";
import { foldedAxes } from "./layout.ts";
import { fold } from "./reduce.ts";
import { countsOf, repeated, type Tile } from "./tile.ts";

/** The reductions of such a pair. */
export interface OnlinePair {
  readonly most: Operation;
  readonly sum: Operation;
}

/** Below this a chunk holds nothing but -infinity, whose difference to itself is no number. */
const LEAST = -3e38;

const sameAxes = (e: Evaluator, a: Operation, b: Operation): boolean =>
  foldedAxes(e.domain, a).join() === foldedAxes(e.domain, b).join();

/** One value a row is left. */
const leavesColumn = (e: Evaluator, op: Operation): boolean => {
  const left = e.domain.varies(op.results[0]!);
  return !e.layout.free.some((a) => left.has(a));
};

/** The pair that a sum over chunks is part of. */
export function onlinePair(e: Evaluator, sum: Operation): OnlinePair | undefined {
  const exp = e.strip(sum.operands[0]!).op;
  if (sum.attrs["body"] !== "add" || exp.name !== "exponential") return undefined;
  const less = e.strip(exp.operands[0]!).op;
  if (less.name !== "subtract") return undefined;
  const [x, top] = less.operands.map((v) => e.strip(v)) as [Value, Value];
  const most = top.op;
  const pair =
    most.name === "reduce" &&
    most.attrs["body"] === "maximum" &&
    e.strip(most.operands[0]!) === x &&
    sameAxes(e, most, sum) &&
    leavesColumn(e, most) &&
    [exp, less, most, sum].every((op) => op.results[0]!.type.dtype === "float32");
  return pair ? { most, sum } : undefined;
}

/** Both reductions of one block of rows in `chunks` chunks. */
export function onlineSum(e: Evaluator, { most, sum }: OnlinePair, chunks: number): ChunkSum {
  const { site } = e;
  const [x] = most.operands;
  const counts = e.countsFor(e.domain.varies(most.results[0]!));
  const columns = (): Tile => site.make("float32", counts.with(1, chunks));
  const [tops, negatives, sums] = [columns(), columns(), columns()];
  let done = 0;
  const at = (t: Tile): Tile => ({ view: t.view.slice(1, done, done + 1) });
  return {
    takes: [x!],
    add: () => {
      const tile = e.tile(x!);
      const folded = foldedAxes(e.domain, most);
      const all = new Set([...folded, ...e.domain.varies(x!)]);
      const whole = { view: repeated(tile, e.countsFor(all)) };
      const gone = folded.map((a) => e.dimOf(a));
      fold(site, at(tops), whole, gone, "maximum", "float32");
      tensorScalar(site, at(negatives), at(tops), "maximum", LEAST, false, {
        op: "multiply",
        value: -1,
      });
      const aside = site.scratch("bfloat16", countsOf(whole));
      activation(site, aside, whole, "exp", { bias: at(negatives), sums: at(sums) });
      done++;
      e.release(x!);
      site.done();
    },
    finish: () => {
      const one = (): Tile => site.make("float32", counts);
      const [top, minus, total] = [one(), one(), one()];
      fold(site, top, tops, [1], "maximum", "float32");
      tensorScalar(site, minus, top, "multiply", -1);
      // e^(own maximum - the row's) for every chunk.
      activation(site, negatives, negatives, "exp", { scale: -1, bias: minus });
      tensorTensor(site, sums, sums, negatives, "multiply");
      fold(site, total, sums, [1], "add", "float32");
      for (const t of [tops, negatives, sums, minus]) site.give(t.slot!);
      e.put(most.results[0]!, top);
      e.put(sum.results[0]!, total);
      site.done();
    },
  };
}
