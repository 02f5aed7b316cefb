import { instruction } from "../define.ts";
import { notExecuted } from "./collectives.ts";
import { shortInstruction } from "./control.ts";

export const rankId = instruction({
  name: "rank_id",
  module: "nki.collectives",
  summary: "dst = rank of this core in the collective group.",
  source: "NKI API reference, nki.collectives.rank_id",
  generations: [3, 4],
  operands: {
    dst: { role: "out", spaces: [], register: true, doc: "register that Python receives" },
  },
  attrs: {},
  params: ["dst"],
  engines: () => ["sync"],
  rules: {},
  evaluate: notExecuted("rank_id"),
  cost: shortInstruction,
  control: true,
});
