/** One GPT-2 layer on the residual stream x [t, features]; its weights are stored [in, out]. */
import { add, convert, reshape, slice, type Value } from "@opentrn/ir";
import { activations } from "./activations.ts";
import { type Attend, type LayerContext, linear, norm, type Weights } from "./context.ts";

export function gpt2Layer(
  context: LayerContext,
  weights: Weights,
  attend: Attend,
  x: Value,
  layer: number,
): Value {
  const { config, dtype, batch, seq } = context;
  const conv = (name: string, input: Value): Value =>
    linear(context, input, weights(`${name}.weight`), weights(`${name}.bias`), "in-out");
  const normed = (name: string, input: Value): Value =>
    norm(context, input, weights(`${name}.weight`), weights(`${name}.bias`));
  const { width } = config;
  const qkv = conv("attn.c_attn", normed("ln_1", x));
  const [q, k, v] = [0, 1, 2].map((i) => {
    const part = slice(qkv, { start: [0, i * width], limit: [batch * seq, (i + 1) * width] });
    return reshape(part, [batch, seq, config.heads, config.headSize]);
  }) as [Value, Value, Value];
  const o = reshape(attend(q, k, v, layer), [batch * seq, width]);
  const attended = add(x, conv("attn.c_proj", o));
  const inner = convert(conv("mlp.c_fc", normed("ln_2", attended)), "float32");
  const active = convert(activations[config.activation](inner), dtype);
  return add(attended, conv("mlp.c_proj", active));
}
