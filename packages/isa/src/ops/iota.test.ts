import { expect, test } from "vitest";
import { iota } from "./iota.ts";
import { breaks, evaluate, sbuf } from "./testing.ts";

test("iota walks the pattern in every partition", () => {
  const attrs = { pattern: [10, 2, 1, 3], offset: 5, channel_multiplier: 100 };
  const want = [5, 6, 7, 15, 16, 17, 105, 106, 107, 115, 116, 117];
  expect(evaluate(iota, { dst: sbuf([2, 6], "int32") }, attrs)["dst"]).toEqual(want);
  expect(evaluate(iota, { dst: sbuf([2, 2, 3], "float32") }, attrs)["dst"]).toEqual(want);
});

test("iota keeps 32-bit integers exact and wraps", () => {
  const attrs = { pattern: [1, 2], offset: 2 ** 31 - 1 };
  expect(evaluate(iota, { dst: sbuf([1, 2], "int32") }, attrs)["dst"]).toEqual([
    2 ** 31 - 1,
    -(2 ** 31),
  ]);
  expect(evaluate(iota, { dst: sbuf([1, 2], "float32") }, attrs)["dst"]).toEqual([
    2 ** 31,
    -(2 ** 31),
  ]);
});

test("iota C1: up to four pairs with positive counts", () => {
  breaks(iota, "C1", { dst: sbuf([1, 1]) }, { pattern: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1] });
  breaks(iota, "C1", { dst: sbuf([1, 4]) }, { pattern: [1, -2, 1, -2] });
});

test("iota C2: the pattern fills dst", () => {
  breaks(iota, "C2", { dst: sbuf([1, 4]) }, { pattern: [1, 3] });
});
