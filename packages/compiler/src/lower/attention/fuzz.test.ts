/** Attention of random sizes, seeded, against float64. */
import type { Func } from "@opentrn/ir";
import { expect, test } from "vitest";
import { compareGroup, noise, type TestInputs } from "../../testing.ts";
import {
  backwardInputs,
  backwardOf,
  type CachedCase,
  type Case,
  cachedOf,
  forwardOf,
  tooFar,
} from "./cases.fixture.ts";

/** A case from eight numbers in [0, 1), small enough for the interpreter. */
function caseOf(u: ArrayLike<number>): Required<Omit<Case, "dtype">> & Pick<Case, "dtype"> {
  const whole = (i: number, from: number, to: number): number =>
    from + Math.floor(u[i]! * (to - from + 1));
  const g = whole(0, 1, 3);
  const h = g * whole(1, 1, 3);
  const b = whole(2, 1, 2);
  const d = whole(3, 1, 5) ** 2 * 4;
  const causal = u[4]! < 0.6;
  // Most are short; some go over a tile, few over a block.
  const work = 8e5 / (b * h * d);
  const m = Math.max(1, Math.floor(Math.min(1300, work / 4) * u[5]! ** 2));
  const n = Math.max(1, Math.floor(Math.min(causal ? m : 400, work / m) * u[6]!));
  const dtype = (["bfloat16", "bfloat16", "float16", "float32"] as const)[whole(7, 0, 3)]!;
  return { b, n, m, h, g, d, causal, dtype };
}

const numbers = noise(8 * 24, 2025, 0, 1);
const cases = Array.from({ length: 24 }, (_, i) => caseOf(numbers.subarray(8 * i, 8 * i + 8)));

/** Random inputs, steeper in every other case, so that single keys take all the weight. */
const seed = (i: number): TestInputs => {
  const { b, n, h, d } = cases[i]!;
  const size = b * n * h * d;
  return i % 2 === 0 ? {} : { q: noise(size, i + 1, -20, 20) };
};

const check = (fn: Func, inputs: TestInputs): void => {
  const { module, results } = compareGroup(fn, inputs);
  expect(module.template).toBe(fn.name);
  expect(tooFar(results)).toEqual([]);
};

test.each(cases.slice(0, 8).map((c, i) => [JSON.stringify(c), c, i] as const))(
  "forward %s",
  (_, c, i) => check(forwardOf(c), seed(i)),
);

test.each(cases.slice(8, 16).map((c, i) => [JSON.stringify(c), c, i + 8] as const))(
  "backward %s",
  (_, c, i) => check(backwardOf(c), backwardInputs(c, seed(i))),
);

test.each(cases.slice(16, 24).map((c, i) => [JSON.stringify(c), c, i + 16] as const))(
  "cached %s",
  (_, c, i) => {
    const { q } = seed(i);
    const few = i % 2 === 0 ? 1 : Math.min(c.n, c.m);
    const cached: CachedCase = { ...c, n: few, start: Math.floor((c.m - few) / 2) };
    const size = c.b * few * c.h * c.d;
    check(cachedOf(cached), {
      start: [cached.start],
      ...(q ? { q: Array.from(q).slice(0, size) } : {}),
    });
  },
);
