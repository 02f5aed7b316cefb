/** Scaled dot-product attention and rotary positions. */

import { dotGeneral } from "../build/contraction.ts";
import { add, multiply, negate } from "../build/elementwise.ts";
import { compare, convert, select } from "../build/selection.ts";
import { broadcastInDim, concatenate, slice } from "../build/shape.ts";
import { iota } from "../build/sources.ts";
import type { Value } from "../graph.ts";
import { softmax } from "./norms.ts";

export interface AttentionOptions {
  /** Position i sees positions up to i; the last query stands at the last key. */
  readonly causal?: boolean;
  /** 1 / sqrt(d) unless said otherwise. */
  readonly scale?: number;
}

/**
 * softmax(q k^T scale) v with q [b, h, n, d], k and v [b, h, m, d]: [b, h, n, d]. Scores and softmax are fp32 whatever the operands.
 */
export function attention(
  q: Value,
  k: Value,
  v: Value,
  { causal = false, scale }: AttentionOptions = {},
): Value {
  const [, , n, d] = q.type.shape as [number, number, number, number];
  const m = k.type.shape[2]!;
  const batch = [0, 1];
  const scores = multiply(
    dotGeneral(q, k, { batching: [batch, batch], contracting: [[3], [3]], dtype: "float32" }),
    scale ?? 1 / Math.sqrt(d),
  );
  const seen = causal ? select(visible(scores, m - n), scores, Number.NEGATIVE_INFINITY) : scores;
  const weights = convert(softmax(seen), v.type.dtype);
  return dotGeneral(weights, v, { batching: [batch, batch], contracting: [[3], [2]] });
}

/** Whether query i, `behind` keys before the last query's first, may see key j. */
const visible = (scores: Value, behind: number): Value => {
  const { shape } = scores.type;
  const [n, m] = shape.slice(-2) as [number, number];
  const mask = compare(iota([n, m], 1), add(iota([n, m], 0), behind), "LE");
  return broadcastInDim(mask, shape);
};

/** x [.., d] turned by cos and sin of the same shape: x cos + (-second half, first half) sin, as Llama pairs dimensions. */
export function rotary(x: Value, cos: Value, sin: Value): Value {
  const { shape } = x.type;
  const d = shape.length - 1;
  const half = shape[d]! / 2;
  const first = slice(x, { limit: shape.with(d, half) });
  const second = slice(x, { start: shape.map((_, i) => (i === d ? half : 0)) });
  return add(multiply(x, cos), multiply(concatenate([negate(second), first], d), sin));
}
