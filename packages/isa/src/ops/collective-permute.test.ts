import { test } from "vitest";
import { collectivePermute } from "./collective-permute.ts";
import { breaks, build, hbm } from "./testing.ts";

const call = { src0: hbm([8]), dst0: hbm([8]) };
const attrs = { source_target_pairs: [0, 1, 1, 0] };

test("collective_permute takes pairs of ranks", () => {
  build(collectivePermute, call, attrs);
});

test("collective_permute C1: one tensor", () => {
  breaks(collectivePermute, "C1", { ...call, src1: hbm([8]), dst1: hbm([8]) }, attrs);
});

test("collective_permute C2: the destination matches the source", () => {
  breaks(collectivePermute, "C2", { ...call, dst0: hbm([7]) }, attrs);
});

test("collective_permute C3: nobody sends or receives twice", () => {
  breaks(collectivePermute, "C3", call, { source_target_pairs: [0, 1, 0, 2] });
  breaks(collectivePermute, "C3", call, { source_target_pairs: [0, 1, 2, 1] });
  breaks(collectivePermute, "C3", call, { source_target_pairs: [0] });
});

test("collective_permute C4: priority", () => {
  breaks(collectivePermute, "C4", call, { ...attrs, priority: 1 });
});
