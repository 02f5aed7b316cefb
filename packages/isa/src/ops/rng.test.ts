import { expect, test } from "vitest";
import { rng } from "./rng.ts";
import { breaks, coreState, evaluate, psum, sbuf } from "./testing.ts";
import { seedGenerators } from "./xorwow.ts";

const seeded = () => {
  const state = coreState();
  seedGenerators(state.vectorRandom, 1);
  seedGenerators(state.gpsimdRandom, 2);
  return state;
};

test("rng repeats with the state, goes on without it, and keeps the low bits of narrow types", () => {
  const state = seeded();
  const dst = sbuf([2, 6], "uint32");
  const first = evaluate(rng, { dst }, {}, { state })["dst"]!;
  expect(evaluate(rng, { dst }, {}, { state: seeded() })["dst"]).toEqual(first);
  expect(evaluate(rng, { dst }, {}, { state })["dst"]).not.toEqual(first);
  const narrow = evaluate(rng, { dst: sbuf([2, 6], "uint8") }, {}, { state: seeded() })["dst"]!;
  expect(narrow).toEqual(first.map((v) => v % 256));
});

test("rng draws from the lane of the partition and from the engine's own generators", () => {
  const low = evaluate(rng, { dst: sbuf([33, 1], "uint32") }, {}, { state: seeded() })["dst"]!;
  const high = sbuf([1, 1], "uint32", undefined, { start: 32 });
  expect(evaluate(rng, { dst: high }, {}, { state: seeded() })["dst"]).toEqual([low[32]]);
  const other = evaluate(
    rng,
    { dst: sbuf([33, 1], "uint32") },
    { engine: "gpsimd" },
    { state: seeded() },
  );
  expect(other["dst"]).not.toEqual(low);
});

test("rng bits are balanced", () => {
  const { dst } = evaluate(rng, { dst: sbuf([16, 256], "uint8") }, {}, { state: seeded() });
  const mean = dst!.reduce((a, b) => a + b, 0) / dst!.length;
  expect(Math.abs(mean - 127.5)).toBeLessThan(4);
});

test("rng C1: GpSimd does not reach PSUM", () => {
  breaks(rng, "C1", { dst: psum([1, 1], "int8") }, { engine: "gpsimd" });
});

test("rng G4 and G9: integer types, no GpSimd on NeuronCore-v2", () => {
  breaks(rng, "G4", { dst: sbuf([1, 1]) });
  breaks(rng, "G9", { dst: sbuf([1, 1], "int8") }, { engine: "gpsimd" }, { generation: 2 });
});
