/** Llama, Mistral, Qwen2 and Qwen3: RMS norms, rotary positions, grouped queries, gated feed-forward layers. */
import { type Fields, unsupported } from "./fields.ts";
import { type ActivationName, activationNames, type ModelConfig } from "./model-config.ts";
import { readRope } from "./rope-scaling.ts";

type LlamaStyle = "llama" | "mistral" | "qwen2" | "qwen3";

interface Variant {
  /** Biases of the projections, as the architecture or the file has them. */
  readonly bias: (f: Fields) => ModelConfig["bias"];
  readonly queryKeyNorm: boolean;
  /** Whether files leave out num_key_value_heads or head_dim where they follow from other fields. */
  readonly derives: { readonly keyHeads: boolean; readonly headSize: boolean };
  /** Keys a query sees at most. */
  readonly window: (f: Fields) => number | undefined;
}

const limit = 2 ** 24;
const none = { qkv: false, output: false, feedForward: false };
const attentionBias = (f: Fields) => {
  const given = f.flag("attention_bias", false);
  return { qkv: given, output: given };
};
const windowIfUsed = (f: Fields): number | undefined => {
  const used = f.flag("use_sliding_window", false);
  f.ignore(["max_window_layers", "sliding_window"]);
  return used ? f.size("sliding_window", limit) : undefined;
};

const variants: Readonly<Record<LlamaStyle, Variant>> = {
  llama: {
    bias: (f) => ({ ...attentionBias(f), feedForward: f.flag("mlp_bias", false) }),
    queryKeyNorm: false,
    derives: { keyHeads: true, headSize: true },
    window: () => undefined,
  },
  mistral: {
    bias: () => none,
    queryKeyNorm: false,
    derives: { keyHeads: false, headSize: true },
    window: (f) => (f.has("sliding_window") ? f.size("sliding_window", limit) : undefined),
  },
  qwen2: {
    bias: () => ({ ...none, qkv: true }),
    queryKeyNorm: false,
    derives: { keyHeads: false, headSize: true },
    window: windowIfUsed,
  },
  qwen3: {
    bias: (f) => ({ ...attentionBias(f), feedForward: false }),
    queryKeyNorm: true,
    derives: { keyHeads: false, headSize: false },
    window: windowIfUsed,
  },
};

/** `layer_types` may only repeat what `sliding_window` says. */
function checkLayerTypes(f: Fields, layers: number, window: number | undefined): void {
  const types = f.raw("layer_types");
  if (types === undefined) return;
  if (!Array.isArray(types) || types.length !== layers)
    f.fail("layer_types", `takes one entry for each of num_hidden_layers ${layers}`);
  const known = window === undefined ? ["full_attention"] : ["full_attention", "sliding_attention"];
  const other = types.find((t) => !known.includes(t));
  if (other !== undefined)
    throw unsupported(f.file, "layer_types", other, `known here are ${known.join(", ")}`);
}

export function readLlamaStyle(
  f: Fields,
  architecture: LlamaStyle,
): Omit<ModelConfig, "notes" | "source" | "specials"> {
  const { bias, queryKeyNorm, derives, window } = variants[architecture];
  const width = f.size("hidden_size", 2 ** 20);
  const layers = f.size("num_hidden_layers", 4096);
  const heads = f.size("num_attention_heads", 2 ** 14);
  const keyHeads = f.size("num_key_value_heads", heads, derives.keyHeads ? heads : undefined);
  if (heads % keyHeads !== 0)
    f.fail("num_key_value_heads", `is ${keyHeads}; it divides num_attention_heads ${heads}`);
  if (!f.has("head_dim") && width % heads !== 0)
    f.fail("hidden_size", `is ${width}; without head_dim it is a multiple of ${heads} heads`);
  const headSize = f.size("head_dim", 2 ** 14, derives.headSize ? width / heads : undefined);
  if (headSize % 2 !== 0)
    f.fail("head_dim", `is ${headSize}; rotary positions turn pairs, so that it is even`);
  const positions = f.size("max_position_embeddings", limit);
  const slidingWindow = window(f);
  checkLayerTypes(f, layers, slidingWindow);
  // How many ways a matrix was once cut does not change its product.
  f.ignore(["pretraining_tp", "use_cache", "attention_dropout"]);
  return {
    architecture,
    vocabSize: f.size("vocab_size", limit),
    width,
    layers,
    heads,
    keyHeads,
    headSize,
    feedForward: f.size("intermediate_size", limit),
    positions,
    norm: "rms",
    normEpsilon: f.real("rms_norm_eps", 1e-20, 1, 1e-6),
    activation: f.word<ActivationName>("hidden_act", activationNames, "silu"),
    rope: readRope(f, positions),
    bias: bias(f),
    queryKeyNorm,
    tied: f.flag("tie_word_embeddings", false),
    ...(slidingWindow === undefined ? {} : { slidingWindow }),
    initializerRange: f.real("initializer_range", 0, 10, 0.02),
  };
}
