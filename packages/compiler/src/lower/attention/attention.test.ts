/** Attention on the chip against float64, with the interpreter's own error as the measure. */
import * as ir from "@opentrn/ir";
import { describe, expect, test } from "vitest";
import { type Compared, compareGroup } from "../../testing.ts";

const { func, tensor } = ir;

interface Case {
  readonly b?: number;
  readonly n: number;
  readonly m?: number;
  readonly h?: number;
  readonly g?: number;
  readonly d?: number;
  readonly causal?: boolean;
  readonly dtype?: "bfloat16" | "float16" | "float32";
}

const attentionOf = ({
  b = 1,
  n,
  m = n,
  h = 1,
  g = h,
  d = 32,
  causal = true,
  dtype = "bfloat16",
}: Case): ir.Func =>
  func(
    "attention",
    {
      q: tensor([b, n, h, d], dtype),
      k: tensor([b, m, g, d], dtype),
      v: tensor([b, m, g, d], dtype),
    },
    ({ q, k, v }) => {
      const { o, lse } = ir.attentionOp(q, k, v, { causal });
      return [o, lse];
    },
  );

/** u: largest relative error of one rounding. */
const rounding = { bfloat16: 2 ** -8, float16: 2 ** -11, float32: 2 ** -24 } as const;

/**
 * Weights round before they are summed on the chip and after they are divided in the interpreter; both then round the result. Twice the
 * interpreter's error and half a rounding of the largest result holds either.
 */
function expectClose(results: readonly Compared[]): void {
  for (const r of results) {
    const u = rounding[r.type.dtype as keyof typeof rounding];
    expect(r.chipError, r.name).toBeLessThanOrEqual(2 * r.interpreterError + 0.5 * u * r.scale);
  }
}

const cases: readonly Case[] = [
  { n: 128 },
  { n: 256, h: 2, g: 1, d: 64 },
  { b: 2, n: 130, h: 2, causal: false },
  { n: 100, m: 200, h: 2, g: 1, d: 48 },
  { n: 130, m: 300, h: 4, g: 2, d: 80, dtype: "float32" },
  { n: 140, m: 77, causal: false, d: 128, dtype: "float16" },
  { n: 1, d: 16 },
  { n: 1, m: 50, h: 3, g: 1, d: 33 },
  { b: 2, n: 16, h: 4, g: 2, d: 16 },
  // Keys of one tile in several blocks.
  { n: 40, m: 2200, d: 16 },
  { n: 60, m: 1300, d: 256, dtype: "float32" },
];

describe("attention", () => {
  test.each(cases.map((c) => [JSON.stringify(c), c] as const))("%s", (_, c) => {
    const { module, results } = compareGroup(attentionOf(c));
    expect(module.template).toBe("attention");
    expectClose(results);
  });
});
