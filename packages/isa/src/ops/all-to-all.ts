import { instruction } from "../define.ts";
import {
  collectiveCosts,
  collectiveDim,
  dimensionIs,
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

export const allToAll = instruction({
  name: "all_to_all",
  module: "nki.collectives",
  summary:
    "Every rank of a group sends one share of its tensor to each rank and receives one from each.",
  source: "NKI API reference, nki.collectives.all_to_all",
  generations: [3, 4],
  operands: { ...sources(["hbm"]), ...results(["hbm"]) },
  attrs: { replica_group: replicaGroup, collective_dim: collectiveDim, priority },
  params: [...namesOf("src"), ...namesOf("dst"), "replica_group", "collective_dim", "priority"],
  engines: () => ["sync"],
  rules: {
    C1: sizesFit("every destination is as large as its source, in the same type", (n) => n),
    C2: groupsAreDisjoint,
    C3: dimensionIs(() => [0], "collective_dim is 0"),
    C4: priorityFits,
    C5: {
      says: "the split dimension divides by the ranks of the group",
      broken: ({ tile, attr }) =>
        tile.src0.shape[0]! % (attr.replica_group[0] ?? 1) === 0
          ? undefined
          : `src0 is [${tile.src0.shape}] for ${attr.replica_group[0]} ranks`,
    },
  },
  evaluate: notExecuted("all_to_all"),
  cost: collectiveCosts.assumed,
  control: true,
});
