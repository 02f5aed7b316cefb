import { expect, test } from "vitest";
import { bnAggr } from "./bn-aggr.ts";
import { breaks, evaluate, sbuf } from "./testing.ts";

test("bn_aggr joins triples into mean and population variance", () => {
  // 1 3 5 and 10 20: mean 7.8, squares 35 + 500 = 535, 107 - 60.84
  const data = sbuf([1, 6], "float32", [3, 3, 8, 2, 15, 50]);
  const [mean, variance] = evaluate(bnAggr, { dst: sbuf([1, 2]), data })["dst"]!;
  expect(mean).toBeCloseTo(7.8, 5);
  expect(variance).toBeCloseTo(46.16, 4);
});

test("bn_aggr C1: data holds triples", () => {
  breaks(bnAggr, "C1", { dst: sbuf([1, 2]), data: sbuf([1, 4]) });
});

test("bn_aggr C2: dst has 2 elements per partition", () => {
  breaks(bnAggr, "C2", { dst: sbuf([1, 6]), data: sbuf([1, 6]) });
});
