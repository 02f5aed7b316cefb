import { test } from "vitest";
import { collectivePermuteImplicit } from "./collective-permute-implicit.ts";
import { breaks, build, hbm } from "./testing.ts";

const call = { src0: hbm([8]), dst0: hbm([8]) };
const attrs = { replica_group: [2, 0, 1] };

test("collective_permute_implicit takes one tensor a channel", () => {
  build(collectivePermuteImplicit, call, attrs);
  const two = { ...call, src1: hbm([4]), dst1: hbm([4]) };
  build(collectivePermuteImplicit, two, { ...attrs, channel_ids: [0, 1] });
});

test("collective_permute_implicit C1: destinations match sources", () => {
  breaks(collectivePermuteImplicit, "C1", { ...call, dst0: hbm([7]) }, attrs);
});

test("collective_permute_implicit C2: disjoint groups", () => {
  breaks(collectivePermuteImplicit, "C2", call, { replica_group: [2, 0, 0] });
});

test("collective_permute_implicit C3: channels count from 0", () => {
  breaks(collectivePermuteImplicit, "C3", call, { ...attrs, channel_ids: [1] });
  breaks(collectivePermuteImplicit, "C3", call, { ...attrs, channel_ids: [0, 1] });
});

test("collective_permute_implicit C4: priority", () => {
  breaks(collectivePermuteImplicit, "C4", call, { ...attrs, priority: 1 });
});
