import { expect, test } from "vitest";
import { randGetState } from "./rand-get-state.ts";
import { breaks, coreState, evaluate, psum, sbuf, upTo } from "./testing.ts";

test("rand_get_state stores each lane into its partition", () => {
  const state = coreState();
  state.gpsimdRandom.set(upTo(12));
  expect(evaluate(randGetState, { dst: sbuf([2, 6], "uint32") }, {}, { state })["dst"]).toEqual(
    upTo(12),
  );
  state.vectorRandom.set(upTo(48));
  const wide = { dst: psum([2, 24], "uint32") };
  const vector = { engine: "vector" };
  expect(evaluate(randGetState, wide, vector, { state, generation: 4 })["dst"]).toEqual(upTo(48));
});

test("rand_get_state C1: 6 words for GpSimd, 24 for VectorE", () => {
  breaks(randGetState, "C1", { dst: sbuf([2, 5], "uint32") });
});

test("rand_get_state C2: GpSimd does not reach PSUM", () => {
  breaks(randGetState, "C2", { dst: psum([2, 6], "uint32") });
});
