import { expect, test } from "vitest";
import { identity } from "../testing.ts";
import { checkSchedule, learningRate } from "./learning-rate.ts";
import { checkSameRun } from "./same-run.ts";

const schedule = { steps: 12, learningRate: 1, minimum: 0.1, warmup: 4 };

test("the rate rises to the peak, then falls by half a cosine to the minimum", () => {
  const rates = Array.from({ length: 13 }, (_, i) => learningRate(schedule, i));
  expect(rates.slice(0, 5)).toEqual([0.25, 0.5, 0.75, 1, 1]);
  expect(rates[8]).toBeCloseTo(0.55, 12);
  expect(rates[12]).toBeCloseTo(0.1, 12);
  for (let i = 5; i < 13; i++) expect(rates[i]!).toBeLessThan(rates[i - 1]!);
  expect(learningRate(schedule, 99)).toBeCloseTo(0.1, 12);
});

test("without warm-up the first step has the peak; a warm-up may be the whole run", () => {
  expect(learningRate({ ...schedule, warmup: 0 }, 0)).toBe(1);
  expect(learningRate({ ...schedule, warmup: 12 }, 11)).toBe(1);
});

test("schedules that go nowhere are refused", () => {
  expect(() => checkSchedule({ ...schedule, warmup: 13 })).toThrow(/--warmup 13 .* --steps 12/);
  expect(() => checkSchedule({ ...schedule, minimum: 2 })).toThrow(/--min-lr 2 is above --lr 1/);
});

test("a resumed run names the choice that differs", () => {
  checkSameRun(identity, { ...identity });
  expect(() => checkSameRun(identity, { ...identity, seed: 8 })).toThrow(
    /--seed: the checkpoint was made with 7, this run has 8/,
  );
  const shape = { ...identity.shape, accumulate: 3 };
  expect(() => checkSameRun(identity, { ...identity, shape })).toThrow(/--accumulate/);
  expect(() => checkSameRun(identity, { ...identity, data: "x" })).toThrow(
    /--data: the text or its tokenizer has changed/,
  );
});
