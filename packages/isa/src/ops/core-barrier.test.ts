import { expect, test } from "vitest";
import { coreBarrier } from "./core-barrier.ts";
import { breaks, build, hbm, sbuf } from "./testing.ts";

const call = { data: hbm([4]) };

test("core_barrier runs on GpSimd unless told otherwise", () => {
  expect(build(coreBarrier, call, { cores: [0, 1] }).engine).toBe("gpsimd");
  expect(build(coreBarrier, call, { cores: [0, 1], engine: "vector" }).engine).toBe("vector");
  expect(coreBarrier.control).toBe(true);
});

test("core_barrier C1: cores are (0, 1)", () => {
  breaks(coreBarrier, "C1", call, { cores: [0, 1, 2] });
  breaks(coreBarrier, "C1", call, { cores: [1] });
});

test("core_barrier G3 and G7: shared HBM, NeuronCore-v3", () => {
  breaks(coreBarrier, "G3", { data: sbuf([4, 1]) }, { cores: [0, 1] });
  breaks(coreBarrier, "G7", call, { cores: [0, 1] }, { generation: 2 });
});
