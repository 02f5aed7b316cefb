/** Attention in primitive operations: views with query heads in groups, masked fp32 scores, weights and their sums. */
import { dotGeneral, reduce, sum } from "../build/contraction.ts";
import { add, divide, exponential, log, multiply, subtract } from "../build/elementwise.ts";
import { compare, convert, select } from "../build/selection.ts";
import { broadcastInDim, broadcastOver, reshape, transpose } from "../build/shape.ts";
import { iota } from "../build/sources.ts";
import type { Value } from "../graph.ts";
import type { AttentionSizes } from "./attention-shape.ts";

/** [b, n, h, d] with heads in groups: [b, n, g, r, d]. */
export const grouped = (x: Value, { b, n, g, r, d }: AttentionSizes): Value =>
  reshape(x, [b, n, g, r, d]);

/** One number a query, [b, h, n], as the scores hold them: [b, g, n, r]. */
export const perScoreRow = (x: Value, { b, n, g, r }: AttentionSizes): Value =>
  transpose(reshape(x, [b, g, r, n]), [0, 1, 3, 2]);

/** The reverse of `perScoreRow`. */
export const perQuery = (x: Value, { b, n, h }: AttentionSizes): Value =>
  reshape(transpose(x, [0, 1, 3, 2]), [b, h, n]);

/** [b, g, n, r, d] as q holds it: [b, n, h, d]. */
export const ungrouped = (x: Value, { b, n, h, d }: AttentionSizes): Value =>
  reshape(transpose(x, [0, 2, 1, 3, 4]), [b, n, h, d]);

/** fp32 scores q k^T scale: [b, g, n, r, m]. */
export const scoresOf = (q: Value, k: Value, scale: number, sizes: AttentionSizes): Value =>
  multiply(
    dotGeneral(grouped(q, sizes), k, {
      batching: [
        [0, 2],
        [0, 2],
      ],
      contracting: [[4], [3]],
      dtype: "float32",
    }),
    scale,
  );

/** Where the last dimension of scores [b, g, n, r, m] is. */
const keys = 4;

/** Scores [b, g, n, r, m] where `mask` [n, m] is true, minus infinity elsewhere. */
export const masked = (scores: Value, mask: Value): Value =>
  select(broadcastInDim(mask, scores.type.shape, [2, 4]), scores, Number.NEGATIVE_INFINITY);

/** i1 [n, m]: query i sees key j when j <= i + m - n. */
export const causalMask = ({ n, m }: AttentionSizes): Value =>
  compare(iota([n, m], 1), add(iota([n, m], 0), m - n), "LE");

/** o [b, n, h, d] and lse [b, h, n] of masked fp32 scores [b, g, n, r, m]. */
export function weigh(
  scores: Value,
  v: Value,
  sizes: AttentionSizes,
): { readonly o: Value; readonly lse: Value } {
  const { shape } = scores.type;
  const top = reduce(scores, "maximum", [keys]);
  const parts = exponential(subtract(scores, broadcastOver(top, shape, [keys])));
  const total = sum(parts, [keys]);
  const weights = convert(divide(parts, broadcastOver(total, shape, [keys])), v.type.dtype);
  const mixed = dotGeneral(weights, v, {
    batching: [
      [0, 1],
      [0, 2],
    ],
    contracting: [[4], [1]],
  });
  return { o: ungrouped(mixed, sizes), lse: perQuery(add(top, log(total)), sizes) };
}
