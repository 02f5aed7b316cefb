/** A decoder-only transformer after its `config.json` has been read: one form for all architectures, every size checked. */

/** `model_type` of the architectures that are supported. */
export const architectures = ["llama", "mistral", "qwen2", "qwen3", "gpt2"] as const;
export type ArchitectureName = (typeof architectures)[number];

/** How activations are spelled in `hidden_act` and `activation_function`. */
export const activationNames = [
  "silu",
  "swish",
  "gelu",
  "gelu_new",
  "gelu_pytorch_tanh",
  "gelu_fast",
  "quick_gelu",
  "relu",
] as const;
export type ActivationName = (typeof activationNames)[number];

/** How rotary frequencies are stretched past the positions a model was trained on. */
export type RopeScaling =
  | { readonly type: "default" }
  | { readonly type: "linear"; readonly factor: number }
  /** The base grows with the length of the tables once that passes `positions`. */
  | { readonly type: "dynamic"; readonly factor: number }
  | {
      readonly type: "llama3";
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly originalPositions: number;
    }
  | {
      readonly type: "yarn";
      readonly factor: number;
      readonly originalPositions: number;
      readonly betaFast: number;
      readonly betaSlow: number;
      /** Whether the ramp's ends are rounded outwards to whole dimensions. */
      readonly truncate: boolean;
      /** Multiplies cos and sin. */
      readonly attentionFactor: number;
    };

export interface Rope {
  readonly theta: number;
  readonly scaling: RopeScaling;
}

export interface ModelConfig {
  readonly architecture: ArchitectureName;
  readonly vocabSize: number;
  /** Features of the residual stream (`hidden_size`, `n_embd`). */
  readonly width: number;
  readonly layers: number;
  /** Query heads. */
  readonly heads: number;
  /** Key and value heads; divides `heads`. */
  readonly keyHeads: number;
  readonly headSize: number;
  /** Features between the two halves of the feed-forward layer (`intermediate_size`, `n_inner`). */
  readonly feedForward: number;
  /** Longest sequence (`max_position_embeddings`, `n_positions`). */
  readonly positions: number;
  readonly norm: "rms" | "layer";
  readonly normEpsilon: number;
  readonly activation: ActivationName;
  /** Absent: learned positions. */
  readonly rope?: Rope;
  readonly bias: { readonly qkv: boolean; readonly output: boolean; readonly feedForward: boolean };
  /** RMS norms over the features of every query and key head. */
  readonly queryKeyNorm: boolean;
  /** The unembedding is the embedding. */
  readonly tied: boolean;
  /** Keys a query sees at most; longer sequences are refused where they are built. */
  readonly slidingWindow?: number;
  /** Standard deviation of fresh weights. */
  readonly initializerRange: number;
  readonly specials: {
    readonly bos?: number;
    readonly eos: readonly number[];
    readonly pad?: number;
  };
  /** What the file says and this implementation does not do, one sentence each. Show them to the user. */
  readonly notes: readonly string[];
  /** The file's own fields, for writing it again. */
  readonly source: Readonly<Record<string, unknown>>;
}
