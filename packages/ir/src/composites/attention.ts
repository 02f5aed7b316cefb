/** "attention": scaled dot-product attention in the layout of the projections, with the log of the sums that its gradient starts from. */
import { customCall } from "../build/calls.ts";
import type { Value } from "../graph.ts";
import { attentionBackwardOp } from "./attention-backward.ts";
import { causalMask, masked, scoresOf, weigh } from "./attention-scores.ts";
import { attentionResults, attentionSizes, readAttentionConfig } from "./attention-shape.ts";
import type { Composite } from "./define.ts";

export const attention: Composite = {
  summary:
    "q [b, n, h, d], k, v [b, m, g, d] -> o [b, n, h, d] of q's type, lse f32 [b, h, n]. Scores and softmax are fp32, weights take v's type.",
  infer: (operands, config) => {
    const { causal } = readAttentionConfig("attention", config);
    return attentionResults(attentionSizes("attention", operands, causal), operands[0]!);
  },
  decompose: (operands, config) => {
    const [q, k, v] = operands as [Value, Value, Value];
    const { causal, scale } = readAttentionConfig("attention", config);
    const sizes = attentionSizes(
      "attention",
      operands.map((x) => x.type),
      causal,
    );
    const scores = scoresOf(q, k, scale, sizes);
    const { o, lse } = weigh(causal ? masked(scores, causalMask(sizes)) : scores, v, sizes);
    return [o, lse];
  },
  gradient: ({ operands, results, attrs, cotangents }) => {
    const [ofO, ofLse] = cotangents;
    // attention_backward takes no cotangent of lse; the decomposition does.
    if (!ofO || ofLse) return undefined;
    const [q, k, v] = operands as [Value, Value, Value];
    const [o, lse] = results as [Value, Value];
    const config = readAttentionConfig("attention", String(attrs["backend_config"]));
    const { dq, dk, dv } = attentionBackwardOp({ q, k, v, o, lse, cotangent: ofO }, config);
    return [dq, dk, dv];
  },
};

export interface AttentionOpOptions {
  /** Query i sees keys up to its own position; the last query stands at the last key. False unless said otherwise. */
  readonly causal?: boolean;
  /** 1 / sqrt(d) unless said otherwise. */
  readonly scale?: number;
}

/**
 * softmax(q k^T scale) v for every head, with q [b, n, h, d], k and v [b, m, g, d]; query head i reads key head floor(i g / h). o is like
 * q; lse [b, h, n] is the fp32 log of the sum of exp of the scores a query sees. Differentiable with `compositeCalls`.
 */
export function attentionOp(
  q: Value,
  k: Value,
  v: Value,
  { causal = false, scale = 1 / Math.sqrt(q.type.shape.at(-1) ?? 1) }: AttentionOpOptions = {},
): { readonly o: Value; readonly lse: Value } {
  const config = JSON.stringify({ causal, scale });
  const operands = [q, k, v];
  const results = attention.infer(
    operands.map((x) => x.type),
    config,
  );
  const [o, lse] = customCall("attention", operands, { config, results });
  return { o: o!, lse: lse! };
}
