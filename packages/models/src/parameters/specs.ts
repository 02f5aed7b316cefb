/** The parameters of a model: Hugging Face names, shapes and how fresh ones are drawn. */
import type { ModelConfig } from "../config/model-config.ts";

export type Initialisation =
  | { readonly kind: "normal"; readonly deviation: number }
  | { readonly kind: "zeros" }
  | { readonly kind: "ones" };

export interface ParameterSpec {
  /** As Hugging Face names it, e.g. `model.layers.0.mlp.up_proj.weight`. */
  readonly name: string;
  /** Linear layers are [out, in], of GPT-2 [in, out]. */
  readonly shape: readonly number[];
  readonly initialisation: Initialisation;
  /** Whether weight decay takes it: matrices, not norms and biases. */
  readonly decays: boolean;
}

/** Names outside the layers, and what stands before a layer's own. */
export interface ParameterNames {
  readonly embedding: string;
  readonly finalNorm: string;
  readonly unembedding: string;
  readonly layer: (i: number) => string;
  /** Learned positions, where there are any. */
  readonly positions: string;
}

const llamaNames: ParameterNames = {
  embedding: "model.embed_tokens.weight",
  finalNorm: "model.norm",
  unembedding: "lm_head.weight",
  layer: (i) => `model.layers.${i}.`,
  positions: "",
};
const gpt2Names: ParameterNames = {
  embedding: "transformer.wte.weight",
  finalNorm: "transformer.ln_f",
  unembedding: "lm_head.weight",
  layer: (i) => `transformer.h.${i}.`,
  positions: "transformer.wpe.weight",
};

export const parameterNames = (config: ModelConfig): ParameterNames =>
  config.rope ? llamaNames : gpt2Names;

/** Builds specs with the initialisations of one model. */
function drawn({ initializerRange, layers }: ModelConfig) {
  const matrix = (name: string, shape: readonly number[], deviation = initializerRange) => ({
    name: `${name}.weight`,
    shape,
    initialisation: { kind: "normal", deviation } as const,
    decays: true,
  });
  const bias = (name: string, n: number) => ({
    name: `${name}.bias`,
    shape: [n],
    initialisation: { kind: "zeros" } as const,
    decays: false,
  });
  const scale = (name: string, n: number) => ({
    name: `${name}.weight`,
    shape: [n],
    initialisation: { kind: "ones" } as const,
    decays: false,
  });
  /** GPT-2 draws what writes into the residual stream narrower, by the number of such additions. */
  const residual = (name: string, shape: readonly number[]) =>
    matrix(name, shape, initializerRange / Math.sqrt(2 * layers));
  return { matrix, bias, scale, residual };
}

/** A Llama-style layer; names without the layer's prefix. */
function llamaLayer(config: ModelConfig): readonly ParameterSpec[] {
  const { width: w, heads, keyHeads, headSize: d, feedForward: f } = config;
  const { matrix, bias, scale } = drawn(config);
  const linear = (name: string, out: number, inputs: number, biased: boolean) => [
    matrix(name, [out, inputs]),
    ...(biased ? [bias(name, out)] : []),
  ];
  const norms = ["q", "k"].map((x) => scale(`self_attn.${x}_norm`, d));
  return [
    scale("input_layernorm", w),
    ...linear("self_attn.q_proj", heads * d, w, config.bias.qkv),
    ...linear("self_attn.k_proj", keyHeads * d, w, config.bias.qkv),
    ...linear("self_attn.v_proj", keyHeads * d, w, config.bias.qkv),
    ...(config.queryKeyNorm ? norms : []),
    ...linear("self_attn.o_proj", w, heads * d, config.bias.output),
    scale("post_attention_layernorm", w),
    ...linear("mlp.gate_proj", f, w, config.bias.feedForward),
    ...linear("mlp.up_proj", f, w, config.bias.feedForward),
    ...linear("mlp.down_proj", w, f, config.bias.feedForward),
  ];
}

function gpt2Layer(config: ModelConfig): readonly ParameterSpec[] {
  const { width: w, feedForward: f } = config;
  const { matrix, bias, scale, residual } = drawn(config);
  const norm = (name: string) => [scale(name, w), bias(name, w)];
  return [
    ...norm("ln_1"),
    matrix("attn.c_attn", [w, 3 * w]),
    bias("attn.c_attn", 3 * w),
    residual("attn.c_proj", [w, w]),
    bias("attn.c_proj", w),
    ...norm("ln_2"),
    matrix("mlp.c_fc", [w, f]),
    bias("mlp.c_fc", f),
    residual("mlp.c_proj", [f, w]),
    bias("mlp.c_proj", w),
  ];
}

/** The parameters of one layer, names without the layer's prefix. */
export const layerSpecs = (config: ModelConfig): readonly ParameterSpec[] =>
  config.rope ? llamaLayer(config) : gpt2Layer(config);

/** All parameters, in the order in which functions take them. Tied embeddings appear once. */
export function parameterSpecs(config: ModelConfig): readonly ParameterSpec[] {
  const { vocabSize: v, width: w } = config;
  const names = parameterNames(config);
  const { matrix, bias, scale } = drawn(config);
  const whole = (name: string, shape: readonly number[]) =>
    matrix(name.replace(/\.weight$/, ""), shape);
  const layer = layerSpecs(config);
  const layers = Array.from({ length: config.layers }, (_, i) =>
    layer.map((spec) => ({ ...spec, name: names.layer(i) + spec.name })),
  );
  return [
    whole(names.embedding, [v, w]),
    ...(config.rope ? [] : [whole(names.positions, [config.positions, w])]),
    ...layers.flat(),
    scale(names.finalNorm, w),
    ...(config.norm === "layer" ? [bias(names.finalNorm, w)] : []),
    ...(config.tied ? [] : [whole(names.unembedding, [v, w])]),
  ];
}
