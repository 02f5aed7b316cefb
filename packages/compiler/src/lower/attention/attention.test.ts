/** Attention on the chip against float64, with the interpreter's own error as the measure. */
import { describe, expect, test } from "vitest";
import { compareGroup } from "../../testing.ts";
import { type Case, forwardOf, tooFar } from "./cases.fixture.ts";

const cases: readonly Case[] = [
  { n: 128 },
  { n: 160, h: 2, g: 1, d: 24 },
  { b: 2, n: 130, d: 16, causal: false },
  { n: 100, m: 200, h: 2, g: 1, d: 48 },
  { n: 130, m: 300, h: 4, g: 2, d: 80, dtype: "float32" },
  { n: 140, m: 77, causal: false, d: 128, dtype: "float16" },
  { n: 1, d: 16 },
  { n: 1, m: 50, h: 3, g: 1, d: 33 },
  { b: 2, n: 16, h: 4, g: 2, d: 16 },
  // So many heads that features are padded to all rows of TensorE.
  { b: 16, n: 5, h: 16, g: 8, d: 24 },
  { b: 4, n: 3, m: 9, h: 64, g: 64, d: 64, causal: false },
  // More tiles than a page of row sums has columns.
  { b: 18, n: 1, h: 64, d: 4 },
  // Keys of one tile in several blocks.
  { n: 40, m: 2200, d: 16 },
  { n: 60, m: 1300, d: 256, dtype: "float32" },
];

describe("attention", () => {
  test.each(cases.map((c) => [JSON.stringify(c), c] as const))("%s", (_, c) => {
    const { module, results } = compareGroup(forwardOf(c));
    expect(module.template).toBe("attention");
    expect(tooFar(results)).toEqual([]);
  });
});
