import { expect, test } from "vitest";
import { allReduce } from "./all-reduce.ts";
import { breaks, build, coreState, hbm, sbuf } from "./testing.ts";

const four = [4, 0, 1, 2, 3];
const call = { src0: hbm([2, 8]), dst0: hbm([2, 8]) };
const attrs = { replica_group: four, op: "add" };

test("all_reduce joins several HBM tensors in one call", () => {
  build(allReduce, { ...call, src1: hbm([3]), dst1: hbm([3]) }, attrs);
  build(allReduce, { src0: sbuf([2, 8]), dst0: sbuf([2, 8]) }, attrs);
});

test("all_reduce is refused by an executor of single ranks, by name", () => {
  const { call: made } = build(allReduce, call, attrs);
  expect(() => allReduce.evaluate({} as never, made as never, coreState())).toThrow(/all_reduce/);
});

test("all_reduce is timed by the fabric, from measured figures", () => {
  const { cost } = allReduce;
  expect(cost).toMatchObject({ kind: "fabric", basis: "measured" });
});

test("all_reduce C1: one memory, several tensors only in HBM", () => {
  breaks(allReduce, "C1", { src0: hbm([2, 8]), dst0: sbuf([2, 8]) }, attrs);
  const two = { src0: sbuf([2, 8]), src1: sbuf([2, 8]), dst0: sbuf([2, 8]), dst1: sbuf([2, 8]) };
  breaks(allReduce, "C1", two, attrs);
});

test("all_reduce C2: destinations match sources", () => {
  breaks(allReduce, "C2", { ...call, dst0: hbm([2, 4]) }, attrs);
  breaks(allReduce, "C2", { ...call, dst0: hbm([2, 8], "bfloat16") }, attrs);
  breaks(allReduce, "C2", { ...call, src1: hbm([3]) }, attrs);
});

test("all_reduce C3: disjoint groups", () => {
  breaks(allReduce, "C3", call, { ...attrs, replica_group: [2, 0, 1, 1, 2] });
  breaks(allReduce, "C3", call, { ...attrs, replica_group: [2, 0, 1, 2] });
  build(allReduce, call, { ...attrs, replica_group: [2, 0, 1, 2, 3] });
});

test("all_reduce C4: add, minimum or maximum", () => {
  breaks(allReduce, "C4", call, { ...attrs, op: "multiply" });
});

test("all_reduce C5: priority", () => {
  breaks(allReduce, "C5", call, { ...attrs, priority: 0 });
  build(allReduce, call, { ...attrs, priority: 0 }, { generation: 4 });
});

test("all_reduce G7: needs NeuronCore-v3", () => {
  breaks(allReduce, "G7", call, attrs, { generation: 2 });
});
