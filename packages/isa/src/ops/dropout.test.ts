import { expect, test } from "vitest";
import { dropout } from "./dropout.ts";
import { breaks, coreState, evaluate, sbuf } from "./testing.ts";
import { seedGenerators } from "./xorwow.ts";

const data = sbuf([2, 512], "int32", new Array(1024).fill(2 ** 24 + 1));
const dst = sbuf([2, 512], "int32");

test("dropout drops all at probability 1, none at 0, and keeps values bit by bit", () => {
  const state = coreState();
  seedGenerators(state.vectorRandom, 5);
  const prob = sbuf([2, 1], "float32", [0, 1]);
  const out = evaluate(dropout, { dst, data, prob }, {}, { state })["dst"]!;
  expect(out.slice(0, 512).every((v) => v === 2 ** 24 + 1)).toBe(true);
  expect(out.slice(512).every((v) => v === 0)).toBe(true);
});

test("dropout drops about the share asked for", () => {
  const state = coreState();
  seedGenerators(state.vectorRandom, 6);
  const out = evaluate(dropout, { dst, data, prob: 0.25 }, {}, { state })["dst"]!;
  const dropped = out.filter((v) => v === 0).length / 1024;
  expect(Math.abs(dropped - 0.25)).toBeLessThan(0.06);
});

test("dropout C1: one size", () => {
  breaks(dropout, "C1", { dst: sbuf([2, 2]), data: sbuf([2, 3]), prob: 0 });
});

test("dropout C2: prob is a column", () => {
  breaks(dropout, "C2", { dst, data, prob: sbuf([2, 2]) });
});

test("dropout C3: one data type", () => {
  breaks(dropout, "C3", { dst: sbuf([2, 512]), data, prob: 0 });
});

test("dropout C4: prob is float32 for integers", () => {
  breaks(dropout, "C4", { dst, data, prob: sbuf([2, 1], "bfloat16") });
});
