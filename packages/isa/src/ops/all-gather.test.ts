import { test } from "vitest";
import { allGather } from "./all-gather.ts";
import { breaks, build, hbm, sbuf } from "./testing.ts";

const call = { src0: hbm([2, 8]), dst0: hbm([8, 8]) };
const attrs = { replica_group: [4, 0, 1, 2, 3], collective_dim: 0 };
const onChip = { src0: sbuf([2, 8]), dst0: sbuf([2, 32]) };

test("all_gather concatenates along dimension 0, in SBUF also along 1", () => {
  build(allGather, call, attrs);
  build(allGather, onChip, { ...attrs, collective_dim: 1 });
});

test("all_gather C1: one memory", () => {
  breaks(allGather, "C1", { ...call, dst0: sbuf([8, 8]) }, attrs);
});

test("all_gather C2: a slot a rank", () => {
  breaks(allGather, "C2", { ...call, dst0: hbm([4, 8]) }, attrs);
});

test("all_gather C3: disjoint groups", () => {
  breaks(allGather, "C3", call, { ...attrs, replica_group: [4, 0, 1, 2, 2] });
});

test("all_gather C4: the dimension", () => {
  breaks(allGather, "C4", call, { ...attrs, collective_dim: 1 });
});

test("all_gather C5: priority", () => {
  breaks(allGather, "C5", call, { ...attrs, priority: 3 });
});

test("all_gather C6: SBUF tensors have two dimensions", () => {
  breaks(allGather, "C6", { ...onChip, src0: sbuf([2, 2, 4]) }, { ...attrs, collective_dim: 1 });
});
