import { expect, test } from "vitest";
import { rng } from "./rng.ts";
import { setRngSeed } from "./set-rng-seed.ts";
import { breaks, coreState, evaluate, sbuf } from "./testing.ts";

test("set_rng_seed makes VectorE's numbers repeat", () => {
  const state = coreState();
  const draw = (seed: number) => {
    evaluate(setRngSeed, { src_seeds: sbuf([1, 1], "int32", [seed]) }, {}, { state });
    return evaluate(rng, { dst: sbuf([4, 4], "uint32") }, {}, { state })["dst"];
  };
  const first = draw(42);
  expect(draw(43)).not.toEqual(first);
  expect(draw(42)).toEqual(first);
});

test("set_rng_seed C1: one element", () => {
  breaks(setRngSeed, "C1", { src_seeds: sbuf([1, 2], "int32") });
});

test("set_rng_seed C2: a 32-bit value", () => {
  breaks(setRngSeed, "C2", { src_seeds: sbuf([1, 1], "int16") });
});
