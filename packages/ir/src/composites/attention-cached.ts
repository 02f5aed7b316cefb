/** "attention_cached": attention of a few new queries over a whole KV cache, of which the first start + n keys are written. */
import { customCall } from "../build/calls.ts";
import { add } from "../build/elementwise.ts";
import { compare } from "../build/selection.ts";
import { broadcastInDim } from "../build/shape.ts";
import { iota } from "../build/sources.ts";
import type { Value } from "../graph.ts";
import { sameType, tensor } from "../types.ts";
import { masked, scoresOf, weigh } from "./attention-scores.ts";
import { attentionSizes, readScale } from "./attention-shape.ts";
import { breaks, type Composite, printTypes, readConfig } from "./define.ts";

const name = "attention_cached";

/** Reads `{"scale": 0.125}`. */
export const readCachedAttentionConfig = (config: string): { readonly scale: number } => ({
  scale: readScale(name, readConfig(name, config)["scale"]),
});

export const attentionCached: Composite = {
  summary:
    "q [b, n, h, d], caches k, v [b, m, g, d], start i32 [] -> o like q. Query i stands at start + i and sees key j when j <= start + i. Keys that none sees must be finite.",
  infer: (operands, config) => {
    readCachedAttentionConfig(config);
    attentionSizes(name, operands, true);
    const start = operands[3];
    if (operands.length !== 4 || !sameType(start!, tensor([], "int32")))
      breaks(name, "C9", "start is one i32", `the operands are ${printTypes(operands)}`);
    return [operands[0]!];
  },
  decompose: (operands, config) => {
    const [q, k, v, start] = operands as [Value, Value, Value, Value];
    const types = operands.map((x) => x.type);
    const sizes = attentionSizes(name, types, true);
    const grid = [sizes.n, sizes.m];
    const last = add(iota(grid, 0), broadcastInDim(start, grid));
    const scores = scoresOf(q, k, readCachedAttentionConfig(config).scale, sizes);
    return [weigh(masked(scores, compare(iota(grid, 1), last, "LE")), v, sizes).o];
  },
  notDifferentiable: "caches are written while generating, and nothing is learned from that",
};

/** o [b, n, h, d] of q over caches k and v [b, m, g, d]; 0 <= start <= m - n. Not differentiable. */
export function cachedAttention(
  q: Value,
  k: Value,
  v: Value,
  start: Value,
  { scale = 1 / Math.sqrt(q.type.shape.at(-1) ?? 1) }: { readonly scale?: number } = {},
): Value {
  const config = JSON.stringify({ scale });
  const operands = [q, k, v, start];
  const results = attentionCached.infer(
    operands.map((x) => x.type),
    config,
  );
  return customCall(name, operands, { config, results })[0]!;
}
