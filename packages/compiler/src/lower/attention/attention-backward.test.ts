/** The gradient of attention on the chip against float64, with the interpreter's own error as the measure. */
import { describe, expect, test } from "vitest";
import { compareGroup } from "../../testing.ts";
import { backwardInputs, backwardOf, type Case, forwardOf, tooFar } from "./cases.fixture.ts";

const cases: readonly Case[] = [
  { n: 128, d: 32 },
  { n: 160, h: 2, g: 1, d: 24 },
  { b: 2, n: 130, d: 16, causal: false },
  { n: 100, m: 200, h: 2, g: 1, d: 48 },
  { n: 130, m: 300, h: 2, g: 1, d: 80, dtype: "float32" },
  { n: 140, m: 77, causal: false, d: 128, dtype: "float16" },
  { n: 1, d: 16 },
  { n: 1, m: 50, h: 3, g: 1, d: 33 },
  { b: 2, n: 16, h: 4, g: 2, d: 16 },
  // So many heads that features are padded to all rows of TensorE.
  { b: 16, n: 5, h: 16, g: 8, d: 24 },
  { b: 4, n: 3, m: 9, h: 64, g: 64, d: 64, causal: false },
  // Several blocks of keys, whose first chunks not every tile fills.
  { n: 20, m: 700, d: 192 },
];

describe("attention_backward", () => {
  test.each(cases.map((c) => [JSON.stringify(c), c] as const))("%s", (_, c) => {
    const { module, results } = compareGroup(backwardOf(c), backwardInputs(c));
    expect(module.template).toBe("attention_backward");
    expect(tooFar(results)).toEqual([]);
  });
});

test("forward and gradient on the chip, one after the other, against float64", () => {
  const c: Case = { n: 150, m: 180, h: 2, g: 1, d: 32 };
  const exact = compareGroup(backwardOf(c), backwardInputs(c)).results;
  const [o, lse] = compareGroup(forwardOf(c)).results;
  const { results } = compareGroup(backwardOf(c), { o: o!.chip, lse: lse!.chip });
  const chained = results.map((r, i) => {
    const { oracle } = exact[i]!;
    const chipError = r.chip.reduce((m, x, k) => Math.max(m, Math.abs(x - oracle[k]!)), 0);
    return { ...exact[i]!, chipError };
  });
  expect(tooFar(chained)).toEqual([]);
});
