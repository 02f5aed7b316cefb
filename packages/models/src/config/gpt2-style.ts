/** GPT-2: layer norms, learned positions, biases everywhere, weights stored [in, out]. */
import { type Fields, unsupported } from "./fields.ts";
import { type ActivationName, activationNames, type ModelConfig } from "./model-config.ts";

/** Flags that must have this value, for want of the other. */
const fixed: Readonly<Record<string, boolean>> = {
  scale_attn_weights: true,
  scale_attn_by_inverse_layer_idx: false,
  add_cross_attention: false,
};

export function readGpt2(f: Fields): Omit<ModelConfig, "notes" | "source" | "specials"> {
  const width = f.size("n_embd", 2 ** 20);
  const heads = f.size("n_head", 2 ** 14);
  if (width % heads !== 0) f.fail("n_embd", `is ${width}; it is a multiple of n_head ${heads}`);
  for (const [name, only] of Object.entries(fixed))
    if (f.flag(name, only) !== only)
      throw unsupported(f.file, name, !only, `only ${only} is implemented`);
  // Scores are fp32 here anyway; n_ctx repeats n_positions.
  f.ignore(["reorder_and_upcast_attn", "n_ctx", "use_cache"]);
  f.ignore(["summary_type", "summary_use_proj", "summary_activation"]);
  f.ignore(["summary_proj_to_labels", "summary_first_dropout", "task_specific_params"]);
  return {
    architecture: "gpt2",
    vocabSize: f.size("vocab_size", 2 ** 24),
    width,
    layers: f.size("n_layer", 4096),
    heads,
    keyHeads: heads,
    headSize: width / heads,
    feedForward: f.size("n_inner", 2 ** 24, 4 * width),
    positions: f.size("n_positions", 2 ** 24),
    norm: "layer",
    normEpsilon: f.real("layer_norm_epsilon", 1e-20, 1, 1e-5),
    activation: f.word<ActivationName>("activation_function", activationNames, "gelu_new"),
    bias: { qkv: true, output: true, feedForward: true },
    queryKeyNorm: false,
    tied: f.flag("tie_word_embeddings", true),
    initializerRange: f.real("initializer_range", 0, 10, 0.02),
  };
}
