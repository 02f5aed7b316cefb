import { expect, test } from "vitest";
import { max8 } from "./max8.ts";
import { breaks, evaluate, sbuf } from "./testing.ts";

test("max8 gives the 8 largest values, largest first, duplicates kept", () => {
  const src = sbuf([1, 10], "float32", [3, -1, 9, 9, 0, Number.NaN, 4, 5, 100, -Infinity]);
  expect(evaluate(max8, { dst: sbuf([1, 8]), src })["dst"]).toEqual([100, 9, 9, 5, 4, 3, 0, -1]);
});

test("max8 C1: 8 to 16384 elements", () => {
  breaks(max8, "C1", { dst: sbuf([1, 8]), src: sbuf([1, 7]) });
  breaks(max8, "C1", { dst: sbuf([1, 8]), src: sbuf([1, 16385], "int8") });
});

test("max8 C2: dst has 8 elements", () => {
  breaks(max8, "C2", { dst: sbuf([1, 4]), src: sbuf([1, 16]) });
});

test("max8 C3: at most three dimensions", () => {
  breaks(max8, "C3", { dst: sbuf([1, 8]), src: sbuf([1, 2, 2, 4]) });
  breaks(max8, "C3", { dst: sbuf([1, 2, 4]), src: sbuf([1, 16]) });
});
