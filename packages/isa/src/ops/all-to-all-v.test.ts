import { test } from "vitest";
import { allToAllV } from "./all-to-all-v.ts";
import { breaks, build, hbm, sbuf } from "./testing.ts";

const call = { src0: hbm([8]), dst0: hbm([32]), metadata_tensor: hbm([3, 4], "uint32") };
const attrs = { replica_group: [4, 0, 1, 2, 3] };

test("all_to_all_v takes its metadata in HBM or on one partition of SBUF", () => {
  build(allToAllV, call, attrs);
  build(allToAllV, { ...call, metadata_tensor: sbuf([1, 3, 4], "uint32") }, attrs);
});

test("all_to_all_v C1: one data type", () => {
  breaks(allToAllV, "C1", { ...call, dst0: hbm([32], "bfloat16") }, attrs);
});

test("all_to_all_v C2: disjoint groups", () => {
  breaks(allToAllV, "C2", call, { replica_group: [4, 0, 1, 2, 2] });
});

test("all_to_all_v C3: the metadata has a column a rank", () => {
  breaks(allToAllV, "C3", { ...call, metadata_tensor: hbm([4, 4], "uint32") }, attrs);
  breaks(allToAllV, "C3", { ...call, metadata_tensor: sbuf([3, 4], "uint32") }, attrs);
});

test("all_to_all_v C4: priority", () => {
  breaks(allToAllV, "C4", call, { ...attrs, priority: 2 });
});

test("all_to_all_v C5: rdispls need NeuronCore-v4", () => {
  const rows = { ...call, metadata_tensor: hbm([4, 4], "uint32") };
  breaks(allToAllV, "C5", rows, { ...attrs, has_rdispls: true });
  build(allToAllV, rows, { ...attrs, has_rdispls: true }, { generation: 4 });
});
