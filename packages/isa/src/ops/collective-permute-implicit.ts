import { instruction } from "../define.ts";
import {
  channelsFit,
  collectiveCosts,
  groupsAreDisjoint,
  namesOf,
  notExecuted,
  priority,
  priorityFits,
  replicaGroup,
  results,
  sizesFit,
  sources,
} from "./collectives.ts";

export const collectivePermuteImplicit = instruction({
  name: "collective_permute_implicit",
  module: "nki.collectives",
  summary:
    "Sends each rank's tensor to its successor in the ring of the group, one tensor a channel.",
  source: "NKI API reference, nki.collectives.collective_permute_implicit",
  generations: [3, 4],
  operands: {
    ...sources(["hbm", "sbuf"], "srcs_by_channel"),
    ...results(["hbm", "sbuf"], "dsts_by_channel"),
  },
  attrs: {
    replica_group: replicaGroup,
    channel_ids: { kind: "ints", default: [0], doc: "channels, from 0 on" },
    priority,
  },
  params: [...namesOf("src"), ...namesOf("dst"), "replica_group", "channel_ids", "priority"],
  engines: () => ["sync"],
  rules: {
    C1: sizesFit("every destination is as large as its source, in the same type", (n) => n),
    C2: groupsAreDisjoint,
    C3: channelsFit,
    C4: priorityFits,
  },
  evaluate: notExecuted("collective_permute_implicit"),
  cost: collectiveCosts.derived,
  control: true,
});
