import { instruction } from "../define.ts";
import { isRegisterValue, noMeaning, shortInstruction } from "./control.ts";

export const registerMove = instruction({
  name: "register_move",
  summary: "dst = src, a constant integer or another register.",
  source: "NKI API reference, nki.isa.register_move",
  generations: [2, 3, 4],
  operands: {
    dst: { role: "out", spaces: [], register: true, doc: "register" },
    src: { role: "in", spaces: [], scalar: true, register: true, doc: "integer or register" },
  },
  attrs: {},
  params: ["dst", "src"],
  engines: () => ["sync"],
  rules: {
    C1: {
      says: "a register holds a 32-bit integer",
      broken: ({ immediate: { src } }) => isRegisterValue("src", src),
    },
  },
  evaluate: noMeaning("register_move"),
  cost: shortInstruction,
  control: true,
});
