import { test } from "vitest";
import { reduceScatter } from "./reduce-scatter.ts";
import { breaks, build, hbm, sbuf } from "./testing.ts";

const call = { src0: hbm([8, 8]), dst0: hbm([2, 8]) };
const attrs = { replica_group: [4, 0, 1, 2, 3], collective_dim: 0, op: "add" };

test("reduce_scatter leaves every rank its share", () => {
  build(reduceScatter, call, attrs);
});

test("reduce_scatter C1: one memory", () => {
  breaks(reduceScatter, "C1", { ...call, dst0: sbuf([2, 8]) }, attrs);
});

test("reduce_scatter C2: a share a rank", () => {
  breaks(reduceScatter, "C2", { ...call, dst0: hbm([8, 8]) }, attrs);
});

test("reduce_scatter C3: disjoint groups", () => {
  breaks(reduceScatter, "C3", call, { ...attrs, replica_group: [4, 0, 0, 0, 0] });
});

test("reduce_scatter C4: the dimension", () => {
  breaks(reduceScatter, "C4", call, { ...attrs, collective_dim: 1 });
});

test("reduce_scatter C5: add, minimum or maximum", () => {
  breaks(reduceScatter, "C5", call, { ...attrs, op: "subtract" });
});

test("reduce_scatter C6: priority", () => {
  breaks(reduceScatter, "C6", call, { ...attrs, priority: 1 });
});
