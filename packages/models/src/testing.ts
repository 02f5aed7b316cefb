/** What tests share: very small models of every architecture, batches, and functions run by name. */
import { Random } from "@opentrn/base";
import { type Arithmetic, compositeCalls, type Inputs, interpret } from "@opentrn/ir";
import type { ModelFunction } from "./build/signature.ts";
import type { ModelConfig } from "./config/model-config.ts";
import { parseConfig } from "./config/parse-config.ts";
import { initialise, type Parameters } from "./parameters/initialise.ts";
import { ropeTables } from "./rope/tables.ts";

const llama = {
  model_type: "llama",
  vocab_size: 11,
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 4,
  max_position_embeddings: 16,
  rms_norm_eps: 1e-5,
  // Wide enough that every derivative stands out of rounding.
  initializer_range: 0.4,
};
const gpt2 = {
  model_type: "gpt2",
  vocab_size: 11,
  n_positions: 16,
  n_embd: 8,
  n_layer: 2,
  n_head: 2,
  initializer_range: 0.4,
};
const scaling = {
  rope_type: "llama3",
  factor: 4,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 8,
};

/** config.json objects, one an architecture and feature. */
export const smallModels: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "llama, grouped, tied": { ...llama, tie_word_embeddings: true },
  "llama, biases, stretched positions": {
    ...llama,
    attention_bias: true,
    mlp_bias: true,
    rope_scaling: scaling,
  },
  mistral: { ...llama, model_type: "mistral", head_dim: 6 },
  "qwen2, biases": { ...llama, model_type: "qwen2" },
  "qwen3, normed heads": { ...llama, model_type: "qwen3" },
  gpt2,
  "gpt2, untied, erf": { ...gpt2, tie_word_embeddings: false, activation_function: "gelu" },
};

export const small = (name: keyof typeof smallModels & string): ModelConfig =>
  parseConfig(smallModels[name]!);

/** Parameters with norms and biases away from one and zero, so that their gradients are tested too. */
export function lively(config: ModelConfig, seed = 1): Parameters {
  const random = new Random(seed + 99);
  return Object.fromEntries(
    Object.entries(initialise(config, seed)).map(([name, x]) => [
      name,
      /norm|ln_|bias/.test(name) ? x.map((v) => v + 0.4 * (random.uniform() - 0.5)) : x,
    ]),
  );
}

/** Rotary tables as inputs; none with learned positions. */
export function tables(config: ModelConfig, length: number): Inputs {
  if (!config.rope) return {};
  const { cos, sin } = ropeTables(config, length);
  return { "rope.cos": cos, "rope.sin": sin };
}

/** Uniform token numbers. */
export const randomTokens = (config: ModelConfig, n: number, seed = 5): number[] => {
  const random = new Random(seed);
  return Array.from({ length: n }, () => random.below(config.vocabSize));
};

/** The results of a function by name. Inputs that it does not take are an error, as everywhere. */
export function run(
  { fn, outputs }: ModelFunction,
  inputs: Inputs,
  arithmetic: Arithmetic = "fp32",
): Readonly<Record<string, Float32Array>> {
  const results = interpret(fn, inputs, { arithmetic, customCalls: compositeCalls });
  return Object.fromEntries(outputs.map((name, i) => [name, results[i]!.data as Float32Array]));
}

/** The largest difference, relative where values exceed one; NaN when one is. */
export const worst = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let most = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!) / Math.max(1, Math.abs(b[i]!));
    if (!(difference <= most)) most = difference;
  }
  return most;
};
