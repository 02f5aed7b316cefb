/** and, or, not: logical on i1, bitwise on integers. */
import { operation } from "../define.ts";
import { allocate } from "../storage.ts";
import { isBoolType } from "../types.ts";
import { binary } from "./elementwise.ts";

const discrete = { notDifferentiable: "its results are truth values or integers" } as const;

export const and = binary({
  name: "and",
  summary: "Logical and of i1, bitwise and of integers.",
  takes: "bits",
  exact: (x, y) => x & y,
  gradient: discrete,
});

export const or = binary({
  name: "or",
  summary: "Logical or of i1, bitwise or of integers.",
  takes: "bits",
  exact: (x, y) => x | y,
  gradient: discrete,
});

export const not = operation({
  name: "not",
  summary: "Logical not of i1, bitwise not of integers.",
  operands: [{ name: "operand", takes: "bits" }],
  attrs: {},
  constraints: {},
  infer: ({ operands }) => operands,
  evaluate: ([x], { results: [type], arithmetic }) => {
    const out = allocate(type!, arithmetic);
    const flip = isBoolType(type!) ? 1 : -1;
    for (let i = 0; i < out.length; i++) out[i] = x![i]! ^ flip;
    return [out];
  },
  gradient: discrete,
});
