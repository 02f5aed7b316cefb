import { instruction } from "../define.ts";
import { noMeaning, registerAccess } from "./control.ts";
import { isOneElement } from "./shapes.ts";

export const registerStore = instruction({
  name: "register_store",
  summary: "Writes a register to one element of HBM or SBUF.",
  source: "NKI API reference, nki.isa.register_store",
  generations: [2, 3, 4],
  operands: {
    dst: { role: "out", spaces: ["sbuf", "hbm"], doc: "one element" },
    src: { role: "in", spaces: [], register: true, doc: "register" },
  },
  attrs: {},
  params: ["dst", "src"],
  engines: () => ["sync"],
  rules: {
    C1: {
      says: "dst has exactly one element",
      broken: ({ tile: { dst } }) => isOneElement("dst", dst),
    },
  },
  evaluate: noMeaning("register_store"),
  cost: { ...registerAccess, basis: "assumed" },
  control: true,
});
