/** Template: "attention" between views of its operands and results. */
import { invariant } from "@opentrn/base";
import { type AttentionSizes, attentionSizes, readAttentionConfig } from "@opentrn/ir";
import type { Template } from "../template.ts";
import { lowerForward } from "./forward.ts";
import { refusal } from "./limits.ts";
import { matchCall, matches } from "./match.ts";

const target = "attention";

export const attention: Template = {
  name: target,
  summary: "softmax(q k^T) v without scores in HBM (flash attention), forward",
  refuses: (group) => {
    const found = matches(target, group);
    return typeof found === "string" ? found : refusal(target, found.call);
  },
  lower: ({ group, emit, input, output }) => {
    const found = matchCall(target, group, { input, output });
    invariant(typeof found !== "string", String(found));
    const { call, operands, results } = found;
    const config = readAttentionConfig(target, String(call.attrs["backend_config"]));
    const sizes: AttentionSizes = attentionSizes(
      target,
      call.operands.map((v) => v.type),
      config.causal,
    );
    const [q, k, v] = operands;
    const [o, lse] = results;
    lowerForward(emit, sizes, config, { q: q!, k: k!, v: v!, o: o!, lse: lse! });
  },
};
