import { expect, test } from "vitest";
import { collectivePermuteImplicitCurrentProcessingRankId as op } from "./collective-permute-implicit-current-processing-rank-id.ts";
import { breaks, build } from "./testing.ts";

const call = { dst: { register: 1 }, iteration_id: { register: 2 } };
const attrs = { replica_group: [2, 0, 1] };

test("collective_permute_implicit_current_processing_rank_id takes a number or a register", () => {
  expect(build(op, call, attrs).call.register["iteration_id"]).toBe(2);
  expect(build(op, { ...call, iteration_id: 0 }, attrs).call.immediate["iteration_id"]).toBe(0);
});

test("collective_permute_implicit_current_processing_rank_id C1: disjoint groups", () => {
  breaks(op, "C1", call, { replica_group: [] });
});

test("collective_permute_implicit_current_processing_rank_id C2: channel 0 to 3", () => {
  breaks(op, "C2", call, { ...attrs, channel_id: 4 });
});
