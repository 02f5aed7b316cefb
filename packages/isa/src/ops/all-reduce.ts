import { instruction } from "../define.ts";
import {
  collectiveCosts,
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

export const allReduce = instruction({
  name: "all_reduce",
  module: "nki.collectives",
  summary: "Every rank of a group receives the element-wise reduction of all ranks' tensors.",
  source: "NKI API reference, nki.collectives.all_reduce",
  generations: [3, 4],
  operands: { ...sources(["hbm", "sbuf"]), ...results(["hbm", "sbuf"]) },
  attrs: {
    replica_group: replicaGroup,
    op: { kind: "alu", doc: "add, minimum or maximum" },
    priority,
  },
  params: [...namesOf("src"), ...namesOf("dst"), "replica_group", "op", "priority"],
  engines: () => ["sync"],
  rules: {
    C1: oneMemory,
    C2: sizesFit("every destination is as large as its source, in the same type", (n) => n),
    C3: groupsAreDisjoint,
    C4: oneOf("op", ["add", "minimum", "maximum"]),
    C5: priorityFits,
  },
  evaluate: notExecuted("all_reduce"),
  cost: collectiveCosts.measured,
  control: true,
});
