import { instruction } from "../define.ts";
import {
  collectiveCosts,
  groupsAreDisjoint,
  metadata,
  metadataFits,
  notExecuted,
  priority,
  priorityFits,
  replicaGroup,
} from "./collectives.ts";
import { sameType } from "./shared-rules.ts";

export const allGatherV = instruction({
  name: "all_gather_v",
  module: "nki.collectives",
  summary:
    "Every rank of a group receives one chunk of each rank's tensor; lengths are known at run time.",
  source: "NKI API reference, nki.collectives.all_gather_v",
  generations: [3, 4],
  operands: {
    src0: { role: "in", spaces: ["hbm"], list: "srcs", doc: "tensor that is sent" },
    dst0: {
      role: "inout",
      spaces: ["hbm"],
      keeps: true,
      list: "dsts",
      doc: "tensor that is received, one slot a rank",
    },
    metadata_tensor: metadata,
  },
  attrs: {
    replica_group: replicaGroup,
    recv_counts_known: { kind: "bool", doc: "row 2 is not written" },
    has_rdispls: { kind: "bool", doc: "row 3 says where chunks are written" },
    priority,
  },
  params: [
    "src0",
    "dst0",
    "replica_group",
    "metadata_tensor",
    "recv_counts_known",
    "has_rdispls",
    "priority",
  ],
  engines: () => ["sync"],
  rules: {
    C1: sameType("src0", "dst0"),
    C2: groupsAreDisjoint,
    C3: metadataFits,
    C4: priorityFits,
    C5: {
      says: "has_rdispls is not supported yet and a group has exactly 4 ranks",
      broken: ({ attr }) =>
        attr.has_rdispls
          ? "has_rdispls is true"
          : attr.replica_group[0] === 4
            ? undefined
            : `a group has ${attr.replica_group[0]} ranks`,
    },
  },
  evaluate: notExecuted("all_gather_v"),
  cost: collectiveCosts.assumed,
  control: true,
});
