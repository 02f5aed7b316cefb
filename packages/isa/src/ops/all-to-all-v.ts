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

export const allToAllV = instruction({
  name: "all_to_all_v",
  module: "nki.collectives",
  summary:
    "Every rank of a group sends a chunk of its tensor to each rank; lengths are known at run time.",
  source: "NKI API reference, nki.collectives.all_to_all_v",
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
      says: "has_rdispls needs NeuronCore-v4",
      broken: ({ attr, chip }) =>
        attr.has_rdispls && chip.generation < 4 ? `has_rdispls is true on ${chip.name}` : undefined,
    },
  },
  evaluate: notExecuted("all_to_all_v"),
  cost: collectiveCosts.assumed,
  control: true,
});
