import { expect, test } from "vitest";
import { randSetState } from "./rand-set-state.ts";
import { breaks, build, coreState, evaluate, sbuf, upTo } from "./testing.ts";

test("rand_set_state loads each lane from its partition", () => {
  const state = coreState();
  const src_seeds = sbuf([2, 6], "uint32", upTo(12), { start: 32 });
  evaluate(randSetState, { src_seeds }, {}, { state });
  expect([...state.gpsimdRandom.subarray(32 * 6, 34 * 6)]).toEqual(upTo(12));
});

test("rand_set_state C1: 6 words for GpSimd, 24 for VectorE", () => {
  breaks(randSetState, "C1", { src_seeds: sbuf([2, 24], "uint32") });
  breaks(
    randSetState,
    "C1",
    { src_seeds: sbuf([2, 6], "uint32") },
    { engine: "vector" },
    { generation: 4 },
  );
  build(
    randSetState,
    { src_seeds: sbuf([2, 24], "uint32") },
    { engine: "vector" },
    { generation: 4 },
  );
});

test("rand_set_state G9: VectorE's state needs NeuronCore-v4", () => {
  breaks(randSetState, "G9", { src_seeds: sbuf([2, 24], "uint32") }, { engine: "vector" });
});
