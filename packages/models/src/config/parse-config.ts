/** Reads a Hugging Face `config.json`. The file is not trusted: every value is checked, and what we do not know is said. */
import { badField, Fields, type Json, unsupported } from "./fields.ts";
import { readGpt2 } from "./gpt2-style.ts";
import { readLlamaStyle } from "./llama-style.ts";
import { type ArchitectureName, architectures, type ModelConfig } from "./model-config.ts";

type Reader = (f: Fields) => Omit<ModelConfig, "notes" | "source" | "specials">;
const readers: Readonly<Record<ArchitectureName, Reader>> = {
  llama: (f) => readLlamaStyle(f, "llama"),
  mistral: (f) => readLlamaStyle(f, "mistral"),
  qwen2: (f) => readLlamaStyle(f, "qwen2"),
  qwen3: (f) => readLlamaStyle(f, "qwen3"),
  gpt2: readGpt2,
};

/** Fields that would change the model if they said anything. */
const features = [
  "quantization_config",
  "num_experts",
  "num_local_experts",
  "n_routed_experts",
  "kv_lora_rank",
  "q_lora_rank",
  "attn_logit_softcapping",
  "final_logit_softcapping",
  "logit_scale",
  "logits_scaling",
  "embedding_multiplier",
  "residual_multiplier",
  "attention_multiplier",
  "query_pre_attn_scalar",
  "no_rope_layers",
  "use_mrope",
  "is_encoder_decoder",
  "vision_config",
] as const;

/** Fields about the file, the framework or text generation. */
const silent = [
  "architectures",
  "model_type",
  "torch_dtype",
  "dtype",
  "transformers_version",
  "_name_or_path",
  "_attn_implementation_autoset",
  "unk_token_id",
  "sep_token_id",
  "id2label",
  "label2id",
  "return_dict",
  "chunk_size_feed_forward",
  "problem_type",
  // What OpenTrn itself writes beside them.
  "opentrn",
];

const dropouts = ["attention_dropout", "resid_pdrop", "embd_pdrop", "attn_pdrop"];

const maxText = 2 ** 22;

/**
 * The model that a `config.json` describes, from its text or the parsed object. `file` is how messages name it. Stops with `bad input` at
 * the first value out of range and with `unsupported here` at an architecture or feature that is not implemented; fields that are
 * merely not read are listed in `notes`.
 */
export function parseConfig(config: string | Json, file = "config.json"): ModelConfig {
  const json = typeof config === "string" ? objectOf(config, file) : config;
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw badField(file, "the file", "holds no JSON object");
  const f = new Fields(file, json);
  const architecture = architectureOf(f, json);
  for (const name of features)
    if (f.has(name) && json[name] !== false)
      throw unsupported(file, name, json[name], "convert the model to a plain dense one");
  if (f.real("partial_rotary_factor", 0, 1, 1) !== 1)
    throw unsupported(
      file,
      "partial_rotary_factor",
      json["partial_rotary_factor"],
      "heads are turned whole",
    );
  const read = readers[architecture](f);
  const [bos] = f.tokens("bos_token_id", read.vocabSize);
  const [pad] = f.tokens("pad_token_id", read.vocabSize);
  const eos = f.tokens("eos_token_id", read.vocabSize);
  f.ignore(silent);
  const notes: string[] = [];
  for (const name of dropouts)
    if (f.real(name, 0, 1, 0) > 0)
      notes.push(`${name} ${JSON.stringify(json[name])}: dropout is not applied while training`);
  for (const name of f.unread()) notes.push(`${name} is not read`);
  return {
    ...read,
    specials: {
      eos,
      ...(bos === undefined ? {} : { bos }),
      ...(pad === undefined ? {} : { pad }),
    },
    notes,
    source: json,
  };
}

function objectOf(text: string, file: string): Json {
  if (text.length > maxText)
    throw badField(
      file,
      "the file",
      `has ${text.length} characters; a configuration has at most ${maxText}`,
    );
  try {
    return JSON.parse(text) as Json;
  } catch (e) {
    throw badField(file, "the file", `is no JSON (${(e as Error).message})`);
  }
}

function architectureOf(f: Fields, json: Json): ArchitectureName {
  const named = Array.isArray(json["architectures"]) ? json["architectures"][0] : undefined;
  if (!f.has("model_type"))
    throw unsupported(
      f.file,
      "model_type",
      named ?? null,
      `name one of ${architectures.join(", ")}`,
    );
  const found = f.word("model_type", architectures);
  // A head other than the language model's shares names with it and means something else.
  if (typeof named === "string" && !/(ForCausalLM|LMHeadModel|Model)$/.test(named))
    throw unsupported(f.file, "architectures", named, "only language models (...ForCausalLM) are");
  return found;
}
