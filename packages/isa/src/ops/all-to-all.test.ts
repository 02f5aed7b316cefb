import { test } from "vitest";
import { allToAll } from "./all-to-all.ts";
import { breaks, build, hbm, sbuf } from "./testing.ts";

const call = { src0: hbm([8, 8]), dst0: hbm([8, 8]) };
const attrs = { replica_group: [4, 0, 1, 2, 3], collective_dim: 0 };

test("all_to_all exchanges shares of HBM tensors", () => {
  build(allToAll, call, attrs);
});

test("all_to_all C1: destinations match sources", () => {
  breaks(allToAll, "C1", { ...call, dst0: hbm([8, 4]) }, attrs);
});

test("all_to_all C2: disjoint groups", () => {
  breaks(allToAll, "C2", call, { ...attrs, replica_group: [4, 0, 1, 2, 2] });
});

test("all_to_all C3: the dimension", () => {
  breaks(allToAll, "C3", call, { ...attrs, collective_dim: 1 });
});

test("all_to_all C4: priority", () => {
  breaks(allToAll, "C4", call, { ...attrs, priority: 1 });
});

test("all_to_all C5: the dimension divides by the ranks", () => {
  breaks(allToAll, "C5", { src0: hbm([6, 8]), dst0: hbm([6, 8]) }, attrs);
});

test("all_to_all G3: no SBUF", () => {
  breaks(allToAll, "G3", { ...call, src0: sbuf([8, 8]) }, attrs);
});
