/** The tokenizer that belongs to a model. */
import { OpenTrnError } from "@opentrn/base";
import type { ModelConfig } from "@opentrn/models";
import { byteTokenizer, type TextTokenizer } from "../data/text-tokenizer.ts";

/** `word`: bytes, or nothing for what lies in `folder`. Stops where the model has fewer tokens than the tokenizer. */
export function loadTokenizer(
  word: string | undefined,
  folder: string,
  config: ModelConfig,
): TextTokenizer {
  if (word !== undefined && word !== "bytes" && word !== "auto")
    throw new OpenTrnError(`--tokenizer ${word} in ${folder} is not known; use bytes`, {
      category: "unsupported here",
      rule: "--tokenizer",
    });
  const tokenizer = byteTokenizer;
  if (config.vocabSize < tokenizer.vocabulary)
    throw new OpenTrnError(
      `tokenizer ${tokenizer.name} has ${tokenizer.vocabulary} tokens, the model's vocab_size is ${config.vocabSize}; raise it or name another --tokenizer`,
      { category: "bad input", rule: "--tokenizer" },
    );
  return tokenizer;
}
