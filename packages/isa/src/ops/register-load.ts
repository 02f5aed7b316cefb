import { instruction } from "../define.ts";
import { noMeaning, registerAccess } from "./control.ts";
import { isOneElement } from "./shapes.ts";

export const registerLoad = instruction({
  name: "register_load",
  summary: "Reads one element of HBM or SBUF into a register.",
  source: "NKI API reference, nki.isa.register_load",
  generations: [2, 3, 4],
  operands: {
    dst: { role: "out", spaces: [], register: true, doc: "register" },
    src: { role: "in", spaces: ["hbm", "sbuf"], doc: "one element" },
  },
  attrs: {},
  params: ["dst", "src"],
  engines: () => ["sync"],
  rules: {
    C1: {
      says: "src has exactly one element",
      broken: ({ tile: { src } }) => isOneElement("src", src),
    },
  },
  evaluate: noMeaning("register_load"),
  cost: registerAccess,
  control: true,
});
