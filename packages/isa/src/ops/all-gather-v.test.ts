import { test } from "vitest";
import { allGatherV } from "./all-gather-v.ts";
import { breaks, build, hbm, sbuf } from "./testing.ts";

const call = { src0: hbm([8]), dst0: hbm([32]), metadata_tensor: hbm([3, 4], "uint32") };
const attrs = { replica_group: [4, 0, 1, 2, 3] };

test("all_gather_v takes its metadata in HBM or on one partition of SBUF", () => {
  build(allGatherV, call, attrs);
  build(allGatherV, { ...call, metadata_tensor: sbuf([1, 3, 4], "uint32") }, attrs);
});

test("all_gather_v C1: one data type", () => {
  breaks(allGatherV, "C1", { ...call, dst0: hbm([32], "bfloat16") }, attrs);
});

test("all_gather_v C2: disjoint groups", () => {
  breaks(allGatherV, "C2", call, { replica_group: [4, 0, 1, 2, 2] });
});

test("all_gather_v C3: the metadata has a column a rank", () => {
  breaks(allGatherV, "C3", { ...call, metadata_tensor: hbm([4, 4], "uint32") }, attrs);
  breaks(allGatherV, "C3", { ...call, metadata_tensor: sbuf([3, 4], "uint32") }, attrs);
});

test("all_gather_v C4: priority", () => {
  breaks(allGatherV, "C4", call, { ...attrs, priority: 2 });
});

test("all_gather_v C5: no rdispls yet, four ranks", () => {
  const rows = { ...call, metadata_tensor: hbm([4, 4], "uint32") };
  breaks(allGatherV, "C5", rows, { ...attrs, has_rdispls: true });
  const two = { ...call, metadata_tensor: hbm([3, 2], "uint32") };
  breaks(allGatherV, "C5", two, { replica_group: [2, 0, 1] });
});
