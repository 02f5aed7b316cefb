/** Meanings of bn_stats and bn_aggr in fp32 steps. Source: nki.isa.bn_stats, nki.isa.bn_aggr (NKI 0.6.0); the order of steps is ours. */
import { add, div, mul, sub } from "./arithmetic.ts";

/** count, mean and sum of squared deviations of every second value from `first` on; all 0 where there is none. */
function half(values: ArrayLike<number>, first: number): [number, number, number] {
  let count = 0;
  let sum = 0;
  for (let i = first; i < values.length; i += 2) {
    sum = add(sum, values[i]!);
    count++;
  }
  if (count === 0) return [0, 0, 0];
  const mean = div(sum, count);
  let squares = 0;
  for (let i = first; i < values.length; i += 2) {
    const d = sub(values[i]!, mean);
    squares = add(squares, mul(d, d));
  }
  return [count, mean, squares];
}

/** count, mean, variance * count of the even-numbered values, then of the odd-numbered ones. */
export const bnStats = (values: ArrayLike<number>): number[] => [
  ...half(values, 0),
  ...half(values, 1),
];

/** Mean and population variance of the union of (count, mean, variance * count) triples. */
export function bnAggregate(triples: ArrayLike<number>): [mean: number, variance: number] {
  let total = 0;
  let weighted = 0;
  for (let i = 0; i + 2 < triples.length; i += 3) {
    total = add(total, triples[i]!);
    weighted = add(weighted, mul(triples[i]!, triples[i + 1]!));
  }
  const mean = div(weighted, total);
  let squares = 0;
  for (let i = 0; i + 2 < triples.length; i += 3) {
    const d = sub(triples[i + 1]!, mean);
    squares = add(squares, add(triples[i + 2]!, mul(triples[i]!, mul(d, d))));
  }
  return [mean, div(squares, total)];
}
