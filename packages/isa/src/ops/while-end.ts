import { instruction } from "../define.ts";
import { branch, noMeaning } from "./control.ts";

export const whileEnd = instruction({
  name: "while_end",
  summary: "Goes back to the matching while_begin, which tests the condition again.",
  source: "NKI API reference, nki.language.while_loop",
  generations: [2, 3, 4],
  operands: { condition: { role: "in", spaces: [], register: true, doc: "register" } },
  attrs: {},
  params: ["condition"],
  engines: () => ["sync"],
  rules: {},
  evaluate: noMeaning("while_end"),
  cost: branch,
  control: true,
});
