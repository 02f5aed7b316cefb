import { instruction } from "../define.ts";
import { groupsAreDisjoint, notExecuted, replicaGroup } from "./collectives.ts";
import { shortInstruction } from "./control.ts";

export const collectivePermuteImplicitCurrentProcessingRankId = instruction({
  name: "collective_permute_implicit_current_processing_rank_id",
  module: "nki.collectives",
  summary: "dst = rank whose data this ring iteration works on; iteration 0 is the core's own.",
  source:
    "NKI API reference, nki.collectives.collective_permute_implicit_current_processing_rank_id",
  generations: [3, 4],
  operands: {
    dst: { role: "out", spaces: [], register: true, doc: "register that Python receives" },
    iteration_id: { role: "in", spaces: [], scalar: true, register: true, doc: "ring step" },
  },
  attrs: {
    replica_group: replicaGroup,
    channel_id: { kind: "int", default: 0, doc: "channel, 0 to 3" },
  },
  params: ["dst", "iteration_id", "replica_group", "channel_id"],
  engines: () => ["sync"],
  rules: {
    C1: groupsAreDisjoint,
    C2: {
      says: "channel_id is 0 to 3",
      broken: ({ attr: { channel_id: c } }) => (c >= 0 && c < 4 ? undefined : `channel_id is ${c}`),
    },
  },
  evaluate: notExecuted("collective_permute_implicit_current_processing_rank_id"),
  cost: shortInstruction,
  control: true,
});
