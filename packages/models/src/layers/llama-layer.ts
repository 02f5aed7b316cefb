/** One Llama-style layer on the residual stream x [t, features], t = batch times tokens. */
import { add, convert, multiply, reshape, type Value } from "@opentrn/ir";
import { activations } from "./activations.ts";
import { type Attend, type LayerContext, linear, rms, type Weights } from "./context.ts";
import { rotate } from "./rotary.ts";

export function llamaLayer(
  context: LayerContext,
  weights: Weights,
  attend: Attend,
  x: Value,
  layer: number,
): Value {
  const attended = add(
    x,
    attention(context, weights, attend, rms(context, x, weights("input_layernorm.weight")), layer),
  );
  const normed = rms(context, attended, weights("post_attention_layernorm.weight"));
  return add(attended, feedForward(context, weights, normed));
}

function attention(
  context: LayerContext,
  weights: Weights,
  attend: Attend,
  x: Value,
  layer: number,
): Value {
  const { config, batch, seq } = context;
  const project = (name: string, heads: number): Value => {
    const bias = config.bias.qkv ? weights(`self_attn.${name}_proj.bias`) : undefined;
    const y = linear(context, x, weights(`self_attn.${name}_proj.weight`), bias);
    return reshape(y, [batch, seq, heads, config.headSize]);
  };
  /** Queries and keys: normed where the model does, then turned. */
  const placed = (name: string, heads: number): Value => {
    const y = project(name, heads);
    const normed = config.queryKeyNorm
      ? rms(context, y, weights(`self_attn.${name}_norm.weight`))
      : y;
    return context.rope ? rotate(normed, context.rope) : normed;
  };
  const q = placed("q", config.heads);
  const k = placed("k", config.keyHeads);
  const o = attend(q, k, project("v", config.keyHeads), layer);
  const bias = config.bias.output ? weights("self_attn.o_proj.bias") : undefined;
  const rows = reshape(o, [batch * seq, config.heads * config.headSize]);
  return linear(context, rows, weights("self_attn.o_proj.weight"), bias);
}

/** down(activation(gate x) * (up x)); the product in fp32, rounded once. */
function feedForward(context: LayerContext, weights: Weights, x: Value): Value {
  const { config, dtype } = context;
  const part = (name: string, input: Value): Value => {
    const bias = config.bias.feedForward ? weights(`mlp.${name}_proj.bias`) : undefined;
    return linear(context, input, weights(`mlp.${name}_proj.weight`), bias);
  };
  const gate = convert(part("gate", x), "float32");
  const up = convert(part("up", x), "float32");
  const inner = convert(multiply(activations[config.activation](gate), up), dtype);
  return part("down", inner);
}
