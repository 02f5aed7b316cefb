import { instruction } from "../define.ts";
import { activateRows, activationCost, activationRules } from "./activation-rows.ts";
import { scatterFits } from "./shared-rules.ts";

/** Values of `nki.isa.reduce_cmd`, in their numeric order. */
export const reduceCommands = ["idle", "reset", "reduce", "reset_reduce", "load_reduce"] as const;

export const activation = instruction({
  name: "activation",
  summary:
    "dst = op(data * scale + bias) on ScalarE; can add the results of a row into the engine's accumulators.",
  source: "NKI API reference, nki.isa.activation",
  generations: [2, 3, 4],
  operands: {
    dst: { role: "out", spaces: ["sbuf", "psum"], indirect: true, doc: "[P, N]" },
    data: { role: "in", spaces: ["sbuf", "psum"], indirect: true, doc: "[P, N]" },
    bias: {
      role: "in",
      spaces: ["sbuf", "psum"],
      scalar: true,
      optional: true,
      doc: "number or [P, 1]; none: 0",
    },
    scale: {
      role: "in",
      spaces: ["sbuf", "psum"],
      scalar: true,
      default: 1,
      doc: "number or [P, 1] float32",
    },
    reduce_res: {
      role: "out",
      spaces: ["sbuf", "psum"],
      optional: true,
      doc: "[P, 1]: the accumulators after this instruction",
    },
  },
  attrs: {
    op: { kind: "activation", doc: "activation function" },
    reduce_op: { kind: "alu", optional: true, doc: "only add" },
    reduce_cmd: { kind: "enum", values: reduceCommands, doc: "what happens to the accumulators" },
  },
  params: ["dst", "op", "data", "bias", "scale", "reduce_op", "reduce_res", "reduce_cmd"],
  engines: () => ["scalar"],
  rules: {
    ...activationRules,
    C7: {
      says: "reduce_cmd load_reduce belongs to VectorE",
      broken: ({ attr }) =>
        attr.reduce_cmd === "load_reduce"
          ? "reduce_cmd is load_reduce; use reset_reduce"
          : undefined,
    },
    C8: scatterFits("data"),
  },
  evaluate: (data, call, state) =>
    activateRows(data, call, call.attr.op, call.attr.reduce_cmd, state),
  cost: activationCost,
});
