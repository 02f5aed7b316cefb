/** Attention over a cache on the chip against float64, with the interpreter's own error as the measure. */
import { chipNamed } from "@opentrn/chips";
import { describe, expect, test } from "vitest";
import { compareGroup } from "../../testing.ts";
import { type CachedCase, cachedOf, tooFar } from "./cases.fixture.ts";

const cases: readonly CachedCase[] = [
  // Decoding: few queries, all heads of a group together.
  { n: 1, m: 256, h: 4, g: 2, start: 100 },
  { n: 1, m: 130, h: 8, d: 64, start: 129 },
  { b: 3, n: 1, m: 700, h: 6, g: 3, d: 16, start: 0 },
  { b: 8, n: 1, m: 40, h: 1, d: 128, start: 7, dtype: "float32" },
  { n: 1, m: 100, h: 3, d: 192, start: 3, dtype: "float16" },
  { n: 3, m: 200, h: 4, g: 2, start: 50 },
  // More rows than scores of all keys have room for.
  { n: 12, m: 1100, h: 8, g: 1, d: 16, start: 1000 },
  // Prefill: tiles of queries of one head.
  { n: 40, m: 200, h: 4, g: 2, start: 50 },
  { b: 2, n: 130, m: 260, d: 16, start: 0 },
  { n: 33, m: 1200, h: 2, g: 1, d: 16, start: 30 },
];

describe("attention_cached", () => {
  test.each(cases.map((c) => [JSON.stringify(c), c] as const))("%s", (_, c) => {
    const { module, results } = compareGroup(cachedOf(c), { start: [c.start] });
    expect(module.template).toBe("attention_cached");
    expect(tooFar(results)).toEqual([]);
  });

  test.each([0, 5, 36])("one Program for every start: %i", (start) => {
    const c = { n: 4, m: 40, h: 2, d: 16, start };
    expect(tooFar(compareGroup(cachedOf(c), { start: [start] }).results)).toEqual([]);
  });

  test("a cache may hold anything finite beyond the queries", () => {
    const c = { n: 1, m: 64, d: 16, start: 9 };
    const far = Float64Array.from({ length: 64 * 16 }, (_, i) => (i < 160 ? 0.5 : 3e4));
    const { results } = compareGroup(cachedOf(c), { k: far, v: far, start: [9] });
    expect(results[0]!.chip.every((x) => x === 0.5)).toBe(true);
  });
});

test("hides keys on chips without range_select", () => {
  const fn = cachedOf({ n: 40, m: 100, d: 16, start: 20 });
  const { results } = compareGroup(fn, { start: [20] }, { chip: chipNamed("trn1") });
  expect(tooFar(results)).toEqual([]);
});
