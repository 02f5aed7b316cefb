import { expect, test } from "vitest";
import { reciprocal } from "./reciprocal.ts";
import { breaks, evaluate, sbuf } from "./testing.ts";

test("reciprocal is the correctly rounded 1 / x", () => {
  const data = sbuf([1, 4], "float32", [4, 3, -0, Infinity]);
  expect(evaluate(reciprocal, { dst: sbuf([1, 4]), data })["dst"]).toEqual([
    0.25,
    Math.fround(1 / 3),
    -Infinity,
    0,
  ]);
});

test("reciprocal C1: one size", () => {
  breaks(reciprocal, "C1", { dst: sbuf([1, 3]), data: sbuf([1, 4]) });
});
