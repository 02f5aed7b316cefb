/** The whole network on given weights: tokens to the normed rows that logits are made of. */
import { attentionOp, type ElementType, slice, type Value } from "@opentrn/ir";
import type { Attend, LayerContext, Weights } from "../layers/context.ts";
import { embed, finish, layers, layersAsCalls } from "../layers/model.ts";

/** Causal attention of a sequence over itself. */
export const selfAttention: Attend = (q, k, v) => attentionOp(q, k, v, { causal: true }).o;

/** Position rows of tokens 0 to seq - 1. */
export const firstPositions =
  ({ seq, config }: LayerContext) =>
  (table: Value): Value =>
    slice(table, { limit: [seq, config.width] });

/** Normed rows [t, features] of whole sequences; `recompute` makes layers calls, each of which the gradient computes again. */
export function trunk(
  context: LayerContext,
  weights: Weights,
  tokens: Value,
  recompute?: { readonly weightType: ElementType },
): Value {
  const x = embed(
    context,
    weights,
    tokens,
    context.config.rope ? undefined : firstPositions(context),
  );
  const y = recompute
    ? layersAsCalls(context, weights, selfAttention, x, recompute.weightType)
    : layers(context, weights, selfAttention, x);
  return finish(context, weights, y);
}
