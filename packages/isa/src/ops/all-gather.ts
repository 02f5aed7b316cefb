import { instruction } from "../define.ts";
import {
  collectiveCosts,
  collectiveDim,
  dimensionIs,
  groupsAreDisjoint,
  namesOf,
  notExecuted,
  oneMemory,
  priority,
  priorityFits,
  replicaGroup,
  results,
  sizesFit,
  sources,
} from "./collectives.ts";

export const allGather = instruction({
  name: "all_gather",
  module: "nki.collectives",
  summary: "Every rank of a group receives all ranks' tensors, concatenated in rank order.",
  source: "NKI API reference, nki.collectives.all_gather",
  generations: [3, 4],
  operands: { ...sources(["hbm", "sbuf"]), ...results(["hbm", "sbuf"]) },
  attrs: { replica_group: replicaGroup, collective_dim: collectiveDim, priority },
  params: [...namesOf("src"), ...namesOf("dst"), "replica_group", "collective_dim", "priority"],
  engines: () => ["sync"],
  rules: {
    C1: oneMemory,
    C2: sizesFit(
      "every destination holds its source once for each rank of the group, in the same type",
      (n, ranks) => n * ranks,
    ),
    C3: groupsAreDisjoint,
    C4: dimensionIs(
      (call) => (call.tile["src0"]?.space === "hbm" ? [0] : [0, 1]),
      "collective_dim is 0 in HBM, 0 or 1 in SBUF",
    ),
    C5: priorityFits,
    C6: {
      says: "SBUF tensors have two dimensions",
      broken: ({ tile }) =>
        tile.src0.space === "sbuf" && tile.src0.shape.length !== 2
          ? `src0 is [${tile.src0.shape}]; reshape it`
          : undefined,
    },
  },
  evaluate: notExecuted("all_gather"),
  cost: collectiveCosts.measured,
  control: true,
});
