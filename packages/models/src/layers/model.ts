/** The parts of a model around its layers: embedding, layers in order, final norm, logits. */
import {
  add,
  broadcastInDim,
  call,
  convert,
  dotGeneral,
  type ElementType,
  func,
  reshape,
  type TensorType,
  takeRows,
  type Value,
} from "@opentrn/ir";
import type { ModelConfig } from "../config/model-config.ts";
import { layerSpecs, parameterNames } from "../parameters/specs.ts";
import { type Attend, type LayerContext, norm, rms, type Weights } from "./context.ts";
import { gpt2Layer } from "./gpt2-layer.ts";
import { llamaLayer } from "./llama-layer.ts";

/** Residual stream [t, features] of tokens int32 [b, s]; `positions` are GPT-2's position rows [s, features] of these tokens. */
export function embed(
  { config, dtype, batch, seq }: LayerContext,
  weights: Weights,
  tokens: Value,
  positions?: (table: Value) => Value,
): Value {
  const names = parameterNames(config);
  const ids = reshape(tokens, [batch * seq]);
  const rows = convert(takeRows(weights(names.embedding), ids), "float32");
  if (!positions) return convert(rows, dtype);
  const shape = [batch, seq, config.width];
  const here = broadcastInDim(
    convert(positions(weights(names.positions)), "float32"),
    shape,
    [1, 2],
  );
  return reshape(convert(add(reshape(rows, shape), here), dtype), [batch * seq, config.width]);
}

const layerOf = (config: ModelConfig) => (config.rope ? llamaLayer : gpt2Layer);

/** All layers in turn. */
export function layers(context: LayerContext, weights: Weights, attend: Attend, x: Value): Value {
  const { config } = context;
  const layer = layerOf(config);
  const names = parameterNames(config);
  let y = x;
  for (let i = 0; i < config.layers; i++)
    y = layer(context, (name) => weights(names.layer(i) + name), attend, y, i);
  return y;
}

/**
 * All layers as calls of one function, so that reverse mode keeps only their inputs and computes each again. `attend` may not depend on
 * the layer.
 */
export function layersAsCalls(
  context: LayerContext,
  weights: Weights,
  attend: Attend,
  x: Value,
  weightType: ElementType,
): Value {
  const { config, rope } = context;
  const names = parameterNames(config);
  const specs = layerSpecs(config);
  const tables: Record<string, TensorType> = rope
    ? { "rope.cos": rope.cos.type, "rope.sin": rope.sin.type }
    : {};
  const types = specs.map(({ name, shape }) => [name, { shape, dtype: weightType }] as const);
  const body = func("layer", { x: x.type, ...tables, ...Object.fromEntries(types) }, (given) => {
    const at = (name: string): Value => given[name as keyof typeof given]!;
    const inner: LayerContext = rope
      ? { ...context, rope: { cos: at("rope.cos"), sin: at("rope.sin") } }
      : context;
    return layerOf(config)(inner, at, attend, at("x"), 0);
  });
  let y = x;
  for (let i = 0; i < config.layers; i++) {
    const own = specs.map(({ name }) => weights(names.layer(i) + name));
    [y] = call(body, [y, ...(rope ? [rope.cos, rope.sin] : []), ...own]) as [Value];
  }
  return y;
}

/** The final norm, rows to rows. */
export function finish(context: LayerContext, weights: Weights, x: Value): Value {
  const { finalNorm } = parameterNames(context.config);
  const weight = weights(`${finalNorm}.weight`);
  return context.config.norm === "rms"
    ? rms(context, x, weight)
    : norm(context, x, weight, weights(`${finalNorm}.bias`));
}

/** Logits [t, vocabulary] of normed rows, in `result` type. */
export function unembed(
  { config, dtype }: LayerContext,
  weights: Weights,
  x: Value,
  result: ElementType,
): Value {
  const names = parameterNames(config);
  const table = weights(config.tied ? names.embedding : names.unembedding);
  return dotGeneral(x, convert(table, dtype), { contracting: [[1], [1]], dtype: result });
}
