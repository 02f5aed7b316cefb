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
import { oneOf } from "./shared-rules.ts";

export const reduceScatter = instruction({
  name: "reduce_scatter",
  module: "nki.collectives",
  summary:
    "Every rank of a group receives its share of the element-wise reduction of all ranks' tensors.",
  source: "NKI API reference, nki.collectives.reduce_scatter",
  generations: [3, 4],
  operands: { ...sources(["hbm", "sbuf"]), ...results(["hbm", "sbuf"]) },
  attrs: {
    replica_group: replicaGroup,
    collective_dim: collectiveDim,
    op: { kind: "alu", doc: "add, minimum or maximum" },
    priority,
  },
  params: [
    ...namesOf("src"),
    ...namesOf("dst"),
    "replica_group",
    "collective_dim",
    "op",
    "priority",
  ],
  engines: () => ["sync"],
  rules: {
    C1: oneMemory,
    C2: sizesFit(
      "every destination holds one rank's share of its source, in the same type",
      (n, ranks) => n / ranks,
    ),
    C3: groupsAreDisjoint,
    C4: dimensionIs(() => [0], "collective_dim is 0"),
    C5: oneOf("op", ["add", "minimum", "maximum"]),
    C6: priorityFits,
  },
  evaluate: notExecuted("reduce_scatter"),
  cost: collectiveCosts.derived,
  control: true,
});
