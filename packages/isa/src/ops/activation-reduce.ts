import { instruction } from "../define.ts";
import { activation } from "./activation.ts";
import { activateRows, activationCost, activationRules } from "./activation-rows.ts";
import { scatterFits } from "./shared-rules.ts";

export const activationReduce = instruction({
  name: "activation_reduce",
  summary:
    "dst = op(data * scale + bias) and reduce_res = the sum of each row of it: activation with reset_reduce.",
  source: "NKI API reference, nki.isa.activation_reduce",
  generations: [2, 3, 4],
  operands: {
    dst: activation.operands.dst,
    data: activation.operands.data,
    reduce_res: {
      role: "out",
      spaces: ["sbuf", "psum"],
      optional: true,
      doc: "[P, 1]: the sums; left out: they stay in the accumulators",
    },
    bias: activation.operands.bias,
    scale: activation.operands.scale,
  },
  attrs: {
    op: { kind: "activation", doc: "activation function" },
    reduce_op: { kind: "alu", doc: "only add" },
  },
  params: ["dst", "op", "data", "reduce_op", "reduce_res", "bias", "scale"],
  engines: () => ["scalar"],
  rules: { ...activationRules, C7: scatterFits("data") },
  evaluate: (data, call, state) => activateRows(data, call, call.attr.op, "reset_reduce", state),
  cost: activationCost,
});
