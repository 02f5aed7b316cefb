import { expect, test } from "vitest";
import { rand2 } from "./rand2.ts";
import { breaks, coreState, evaluate, sbuf } from "./testing.ts";
import { seedGenerators } from "./xorwow.ts";

const v4 = { generation: 4 } as const;
const dst = sbuf([8, 512]);

test("rand2 fills [min, max) evenly", () => {
  const state = coreState();
  seedGenerators(state.vectorRandom, 3);
  const min = sbuf([8, 1], "float32", [-2, -2, -2, -2, 10, 10, 10, 10]);
  const max = sbuf([8, 1], "float32", [2, 2, 2, 2, 11, 11, 11, 11]);
  const values = evaluate(rand2, { dst, min, max }, {}, { ...v4, state })["dst"]!;
  const mean = (from: number, to: number) =>
    values.slice(from, to).reduce((a, b) => a + b, 0) / (to - from);
  expect(values.slice(0, 2048).every((v) => v >= -2 && v <= 2)).toBe(true);
  expect(Math.abs(mean(0, 2048))).toBeLessThan(0.1);
  expect(mean(2048, 4096)).toBeCloseTo(10.5, 1);
});

test("rand2 C1: min and max are columns", () => {
  breaks(rand2, "C1", { dst, min: sbuf([8, 2]), max: 1 }, {}, v4);
});

test("rand2 C2: bounds are float32", () => {
  breaks(rand2, "C2", { dst, min: sbuf([8, 1], "bfloat16"), max: 1 }, {}, v4);
});

test("rand2 C3: min is less than max", () => {
  breaks(rand2, "C3", { dst, min: 1, max: 1 }, {}, v4);
});

test("rand2 G7: needs NeuronCore-v4", () => {
  breaks(rand2, "G7", { dst, min: 0, max: 1 });
});
