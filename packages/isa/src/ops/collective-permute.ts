import { instruction } from "../define.ts";
import {
  collectiveCosts,
  namesOf,
  notExecuted,
  oneTensor,
  priority,
  priorityFits,
  results,
  sizesFit,
  sources,
} from "./collectives.ts";

export const collectivePermute = instruction({
  name: "collective_permute",
  module: "nki.collectives",
  summary: "Sends each source rank's tensor to the target rank that its pair names.",
  source: "NKI API reference, nki.collectives.collective_permute",
  generations: [3, 4],
  operands: { ...sources(["hbm"]), ...results(["hbm"]) },
  attrs: {
    source_target_pairs: { kind: "ints", doc: "(source, target) ranks, flattened" },
    priority,
  },
  params: [...namesOf("src"), ...namesOf("dst"), "source_target_pairs", "priority"],
  engines: () => ["sync"],
  rules: {
    C1: oneTensor,
    C2: sizesFit("the destination is as large as the source, in the same type", (n) => n),
    C3: {
      says: "source_target_pairs are pairs in which no rank sends twice or receives twice",
      broken: ({ attr: { source_target_pairs: p } }) => {
        const from = p.filter((_, i) => i % 2 === 0);
        const to = p.filter((_, i) => i % 2 === 1);
        return p.length > 0 &&
          from.length === to.length &&
          new Set(from).size === from.length &&
          new Set(to).size === to.length
          ? undefined
          : `source_target_pairs are (${p})`;
      },
    },
    C4: priorityFits,
  },
  evaluate: notExecuted("collective_permute"),
  cost: collectiveCosts.derived,
  control: true,
});
