import { expect, test } from "vitest";
import { bnStats } from "./bn-stats.ts";
import { breaks, evaluate, sbuf } from "./testing.ts";

test("bn_stats gives count, mean and variance * count of even and odd elements", () => {
  const data = sbuf([1, 5], "float32", [1, 10, 3, 20, 5]);
  expect(evaluate(bnStats, { dst: sbuf([1, 6]), data })["dst"]).toEqual([3, 3, 8, 2, 15, 50]);
});

test("bn_stats C1: at most 512 elements per partition", () => {
  breaks(bnStats, "C1", { dst: sbuf([1, 6]), data: sbuf([1, 513]) });
});

test("bn_stats C2: dst has 6 elements per partition", () => {
  breaks(bnStats, "C2", { dst: sbuf([1, 2]), data: sbuf([1, 4]) });
  breaks(bnStats, "C2", { dst: sbuf([1, 6]), data: sbuf([2, 4]) });
});
