/** Template: "attention_cached" between views of its operands and results. */
import { invariant } from "@opentrn/base";
import { attentionSizes, readCachedAttentionConfig } from "@opentrn/ir";
import type { Template } from "../template.ts";
import { lowerDecode, partRows } from "./decode.ts";
import { lowerForward } from "./forward.ts";
import { refusal } from "./limits.ts";
import { matchCall, matches } from "./match.ts";
import { P } from "./plan.ts";

const target = "attention_cached";
/** Queries up to which rows are heads rather than queries of one head. */
const FEW = 32;

export const attentionCached: Template = {
  name: target,
  summary: "attention of new queries over a KV cache, from a position known at run time",
  refuses: (group) => {
    const found = matches(target, group);
    return typeof found === "string" ? found : refusal(target, found.call);
  },
  lower: ({ group, emit, input, output }) => {
    const found = matchCall(target, group, { input, output });
    invariant(typeof found !== "string", String(found));
    const { call, operands, results } = found;
    const { scale } = readCachedAttentionConfig(String(call.attrs["backend_config"]));
    const sizes = attentionSizes(
      target,
      call.operands.map((v) => v.type),
      true,
    );
    const [q, k, v, start] = operands;
    const tensors = { q: q!, k: k!, v: v!, start: start!, o: results[0]! };
    if (sizes.n <= FEW && partRows(sizes) <= P) lowerDecode(emit, sizes, scale, tensors);
    else lowerForward(emit, sizes, { causal: false, scale }, { ...tensors, lse: [] });
  },
};
