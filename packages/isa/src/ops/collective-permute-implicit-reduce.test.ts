import { test } from "vitest";
import { collectivePermuteImplicitReduce } from "./collective-permute-implicit-reduce.ts";
import { breaks, build, hbm } from "./testing.ts";

const op = collectivePermuteImplicitReduce;
const call = { src0: hbm([8]), other0: hbm([8]), dst0: hbm([8]) };
const attrs = { replica_group: [2, 0, 1], op: "add" };

test("collective_permute_implicit_reduce takes two tensors a channel", () => {
  build(op, call, attrs);
});

test("collective_permute_implicit_reduce C1: destinations match sources", () => {
  breaks(op, "C1", { ...call, dst0: hbm([7]) }, attrs);
});

test("collective_permute_implicit_reduce C2: disjoint groups", () => {
  breaks(op, "C2", call, { ...attrs, replica_group: [2, 0, 0] });
});

test("collective_permute_implicit_reduce C3: channels count from 0", () => {
  breaks(op, "C3", call, { ...attrs, channel_ids: [1] });
});

test("collective_permute_implicit_reduce C4: add, minimum or maximum", () => {
  breaks(op, "C4", call, { ...attrs, op: "power" });
});

test("collective_permute_implicit_reduce C5: priority", () => {
  breaks(op, "C5", call, { ...attrs, priority: 1 });
});

test("collective_permute_implicit_reduce C6: both operands match", () => {
  breaks(op, "C6", { ...call, other0: hbm([8], "bfloat16") }, attrs);
  breaks(op, "C6", { ...call, other0: hbm([2, 4]) }, attrs);
});
