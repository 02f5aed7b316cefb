/** Template: "attention_backward" between views of its operands and results. */
import { invariant } from "@opentrn/base";
import { attentionSizes, readAttentionConfig } from "@opentrn/ir";
import type { Template } from "../template.ts";
import { lowerBackward } from "./backward.ts";
import { refusal } from "./limits.ts";
import { matchCall, matches } from "./match.ts";

const target = "attention_backward";

export const attentionBackward: Template = {
  name: target,
  summary: "gradient of attention without scores in HBM (as FlashAttention-2 has it)",
  refuses: (group) => {
    const found = matches(target, group);
    return typeof found === "string" ? found : refusal(target, found.call);
  },
  lower: ({ group, emit, input, output }) => {
    const found = matchCall(target, group, { input, output });
    invariant(typeof found !== "string", String(found));
    const { call, operands, results } = found;
    const config = readAttentionConfig(target, String(call.attrs["backend_config"]));
    const sizes = attentionSizes(
      target,
      call.operands.map((v) => v.type),
      config.causal,
    );
    const [q, k, v, o, lse, cotangent] = operands;
    const [dq, dk, dv] = results;
    lowerBackward(emit, sizes, config, {
      q: q!,
      k: k!,
      v: v!,
      o: o!,
      lse: lse!,
      cotangent: cotangent!,
      dq: dq!,
      dk: dk!,
      dv: dv!,
    });
  },
};
