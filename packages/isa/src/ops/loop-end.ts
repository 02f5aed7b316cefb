import { instruction } from "../define.ts";
import { branch, noMeaning } from "./control.ts";

export const loopEnd = instruction({
  name: "loop_end",
  summary: "Adds the step to the index of the innermost loop and repeats it while index < stop.",
  source: "NKI API reference, nki.language.dynamic_range and fori_loop",
  generations: [2, 3, 4],
  operands: {},
  attrs: {},
  params: [],
  engines: () => ["sync"],
  rules: {},
  evaluate: noMeaning("loop_end"),
  cost: branch,
  control: true,
});
