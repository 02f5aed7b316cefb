import { instruction } from "../define.ts";
import {
  channelsFit,
  collectiveCosts,
  groupsAreDisjoint,
  namesOf,
  notExecuted,
  others,
  priority,
  priorityFits,
  replicaGroup,
  results,
  sizesFit,
  sources,
} from "./collectives.ts";
import { oneOf } from "./shared-rules.ts";

export const collectivePermuteImplicitReduce = instruction({
  name: "collective_permute_implicit_reduce",
  module: "nki.collectives",
  summary:
    "Sends op(src, other) of each rank to its successor in the ring of the group, one tensor a channel.",
  source: "NKI API reference, nki.collectives.collective_permute_implicit_reduce",
  generations: [3, 4],
  operands: {
    ...sources(["hbm", "sbuf"], "srcs0_by_channel"),
    ...others(["hbm", "sbuf"], "srcs1_by_channel"),
    ...results(["hbm", "sbuf"], "dsts_by_channel"),
  },
  attrs: {
    replica_group: replicaGroup,
    op: { kind: "alu", doc: "add, minimum or maximum" },
    channel_ids: { kind: "ints", default: [0], doc: "channels, from 0 on" },
    priority,
  },
  params: [
    ...namesOf("src"),
    ...namesOf("other"),
    ...namesOf("dst"),
    "replica_group",
    "op",
    "channel_ids",
    "priority",
  ],
  engines: () => ["sync"],
  rules: {
    C1: sizesFit("every destination is as large as its source, in the same type", (n) => n),
    C2: groupsAreDisjoint,
    C3: channelsFit,
    C4: oneOf("op", ["add", "minimum", "maximum"]),
    C5: priorityFits,
    C6: {
      says: "both operands of a channel have the same shape and data type",
      broken: ({ tile }) => {
        for (const [i, name] of namesOf("src").entries()) {
          const a = tile[name as "src0"];
          const b = tile[`other${i}` as "other0"];
          if (a?.shape.join() !== b?.shape.join() || a?.dtype !== b?.dtype)
            return `${name} is ${a?.dtype}[${a?.shape}] and other${i} is ${b?.dtype}[${b?.shape}]`;
        }
        return undefined;
      },
    },
  },
  evaluate: notExecuted("collective_permute_implicit_reduce"),
  cost: collectiveCosts.derived,
  control: true,
});
