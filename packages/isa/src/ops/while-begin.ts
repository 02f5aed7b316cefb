import { instruction } from "../define.ts";
import { branch, noMeaning } from "./control.ts";

export const whileBegin = instruction({
  name: "while_begin",
  summary: "Continues after the matching while_end when the condition register is 0.",
  source: "NKI API reference, nki.language.while_loop",
  generations: [2, 3, 4],
  operands: { condition: { role: "in", spaces: [], register: true, doc: "register" } },
  attrs: {},
  params: ["condition"],
  engines: () => ["sync"],
  rules: {},
  evaluate: noMeaning("while_begin"),
  cost: branch,
  control: true,
});
