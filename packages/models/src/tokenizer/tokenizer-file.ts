/** The parts of `tokenizer.json` that a byte-level vocabulary needs, as Hugging Face's libraries read them. */
import { letterOf } from "./byte-letters.ts";

export interface ByteLevelVocabulary {
  /** Tokens by number. */
  readonly tokens: readonly string[];
  /** Pairs of tokens that become one, most important first. */
  readonly merges: readonly (readonly [string, string])[];
  /** Numbers of tokens that stand for no text. */
  readonly specials: readonly number[];
}

const byteLevel = {
  type: "ByteLevel",
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: true,
};

/** tokenizer.json and tokenizer_config.json; the first special token begins and ends texts. */
export function tokenizerFiles({ tokens, merges, specials }: ByteLevelVocabulary) {
  const added = specials.map((id) => ({
    id,
    content: tokens[id]!,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }));
  const json = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  };
  const [first] = specials;
  const edge = first === undefined ? {} : { bos_token: tokens[first], eos_token: tokens[first] };
  const config = {
    tokenizer_class: "PreTrainedTokenizerFast",
    clean_up_tokenization_spaces: false,
    ...edge,
  };
  return {
    "tokenizer.json": `${JSON.stringify(json)}\n`,
    "tokenizer_config.json": `${JSON.stringify(config)}\n`,
  } as const;
}

/** Every byte a token, numbered as itself. */
export const byteVocabulary: ByteLevelVocabulary = {
  tokens: Array.from({ length: 256 }, (_, b) => letterOf(b)),
  merges: [],
  specials: [],
};
