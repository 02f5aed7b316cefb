/** "attention_backward": the gradient of attention from its output and row sums, without stored weights, as FlashAttention-2 has it. */
import { customCall } from "../build/calls.ts";
import { type DotDims, dotGeneral, sum } from "../build/contraction.ts";
import { exponential, multiply, subtract } from "../build/elementwise.ts";
import { convert } from "../build/selection.ts";
import { broadcastOver, transpose } from "../build/shape.ts";
import type { Value } from "../graph.ts";
import { sameType } from "../types.ts";
import {
  causalMask,
  grouped,
  masked,
  perScoreRow,
  scoresOf,
  ungrouped,
} from "./attention-scores.ts";
import {
  type AttentionConfig,
  attentionResults,
  attentionSizes,
  readAttentionConfig,
} from "./attention-shape.ts";
import { breaks, type Composite, printTypes } from "./define.ts";

const name = "attention_backward";

/** Batches scores [b, g, ...] with something token-major [b, ., g, ...]. */
const byHead: DotDims["batching"] = [
  [0, 1],
  [0, 2],
];

export const attentionBackward: Composite = {
  summary:
    "q, k, v, o, lse of attention and the cotangent of o -> dq, dk, dv. Sums are fp32; P and dS take the operands' type before they are multiplied.",
  infer: (operands, config) => {
    const { causal } = readAttentionConfig(name, config);
    const [q, k, v, o, lse, cotangent] = operands;
    const sizes = attentionSizes(name, operands, causal);
    const [likeO, likeLse] = attentionResults(sizes, q!);
    if (
      operands.length !== 6 ||
      !sameType(o!, likeO) ||
      !sameType(cotangent!, likeO) ||
      !sameType(lse!, likeLse)
    )
      breaks(
        name,
        "C9",
        "o and its cotangent are like q, lse is f32 [b, h, n]",
        `the operands are ${printTypes(operands)}`,
      );
    return [q!, k!, v!];
  },
  decompose: (operands, config) => {
    const [q, k, v, o, lse, cotangent] = operands as [Value, Value, Value, Value, Value, Value];
    const { causal, scale } = readAttentionConfig(name, config);
    const types = operands.map((x) => x.type);
    const sizes = attentionSizes(name, types, causal);
    const scores = scoresOf(q, k, scale, sizes);
    const { shape } = scores.type;
    const rows = (x: Value): Value => broadcastOver(x, shape, [4]);
    const seen = causal ? masked(scores, causalMask(sizes)) : scores;
    const p = exponential(subtract(seen, rows(perScoreRow(lse, sizes))));
    const g = grouped(cotangent, sizes);
    const dtype = q.type.dtype;
    const dp = dotGeneral(g, v, {
      batching: [
        [0, 2],
        [0, 2],
      ],
      contracting: [[4], [3]],
      dtype: "float32",
    });
    // [b, n, h] to [b, g, n, r].
    const products = multiply(convert(g, "float32"), convert(grouped(o, sizes), "float32"));
    const delta = transpose(sum(products, [4]), [0, 2, 1, 3]);
    const ds = convert(multiply(multiply(p, subtract(dp, rows(delta))), scale), dtype);
    /** Sums over queries and the query heads of a group: [b, g, m, d] to [b, m, g, d]. */
    const overQueries = (x: Value, y: Value): Value =>
      transpose(
        dotGeneral(x, y, {
          batching: byHead,
          contracting: [
            [2, 3],
            [1, 3],
          ],
        }),
        [0, 2, 1, 3],
      );
    return [
      ungrouped(dotGeneral(ds, k, { batching: byHead, contracting: [[4], [1]] }), sizes),
      overQueries(ds, grouped(q, sizes)),
      overQueries(convert(p, dtype), g),
    ];
  },
};

export interface AttentionBackwardInputs {
  readonly q: Value;
  readonly k: Value;
  readonly v: Value;
  readonly o: Value;
  readonly lse: Value;
  /** Of o. */
  readonly cotangent: Value;
}

/** Cotangents of q, k and v; shapes and config as in `attentionOp`. */
export function attentionBackwardOp(
  { q, k, v, o, lse, cotangent }: AttentionBackwardInputs,
  { causal, scale }: AttentionConfig,
): { readonly dq: Value; readonly dk: Value; readonly dv: Value } {
  const config = JSON.stringify({ causal, scale });
  const operands = [q, k, v, o, lse, cotangent];
  const results = attentionBackward.infer(
    operands.map((x) => x.type),
    config,
  );
  const [dq, dk, dv] = customCall(name, operands, { config, results });
  return { dq: dq!, dk: dk!, dv: dv! };
}
