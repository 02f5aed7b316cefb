/** A tokenizer learned from a text, ready to use and to save. */
import { parseTokenizer } from "./load-tokenizer.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { tokenizerFiles } from "./tokenizer-file.ts";
import { type BpeOptions, trainBpe } from "./train-bpe.ts";

/** Learns byte pairs from `text`; what it encodes is what any reader of its files encodes, since it is read back from them. */
export function trainTokenizer(text: string, options: BpeOptions): Tokenizer {
  const files = tokenizerFiles(trainBpe(text, options));
  return parseTokenizer(files["tokenizer.json"], files["tokenizer_config.json"], "byte pairs");
}
