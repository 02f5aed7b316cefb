/** The tokenizer that belongs to a model: its own, one learned from the text, or plain bytes. */
import { existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { OpenTrnError } from "@opentrn/base";
import {
  byteTokenizer,
  loadTokenizer,
  type ModelConfig,
  type Tokenizer,
  trainTokenizer,
} from "@opentrn/models";
import { textPieces } from "../data/source-files.ts";

/** Words that stand for no file. `auto`: the model's own, else byte pairs where its vocabulary has room for some, else bytes. */
export const tokenizerWords = ["auto", "bytes", "bpe"] as const;

export interface TokenizerRequest {
  /** One of `tokenizerWords`, a `tokenizer.json` or the folder of one. */
  readonly word: string;
  /** Where the model's own lies, if it has one. */
  readonly folder?: string;
  readonly config: ModelConfig;
  /** What byte pairs are learned from; absent: none can be. */
  readonly files?: readonly string[];
}

/** UTF-16 units that byte pairs are learned from, at most: frequent pairs are frequent early. */
const LEARNED_FROM = 2 ** 23;

/** Stops with `bad input` when there is none, or the model has fewer tokens than it. */
export function tokenizerFor(request: TokenizerRequest): Tokenizer {
  const { config } = request;
  const tokenizer = find(request);
  if (tokenizer.vocabSize <= config.vocabSize) return tokenizer;
  return fail(
    `tokenizer ${tokenizer.name} has ${tokenizer.vocabSize} tokens, the model's vocab_size is ${config.vocabSize}; raise it or name another --tokenizer`,
  );
}

function find({ word, folder, config, files }: TokenizerRequest): Tokenizer {
  if (word === "bytes") return byteTokenizer;
  if (word === "bpe") return learned(config, files);
  if (word !== "auto") return fromPath(word);
  const own = folder === undefined ? undefined : loadTokenizer(folder);
  // The same ids without a library, and with the fingerprint that caches of tokens know.
  if (own?.files["tokenizer.json"] === byteTokenizer.files["tokenizer.json"]) return byteTokenizer;
  if (own) return own;
  const { specials } = config;
  // Byte pairs learned here have one special token, number 0; a model with another one was trained with a vocabulary we lack.
  const fits = specials.eos.every((id) => id === 0) && config.vocabSize > LEAST_LEARNED;
  return fits && files ? learned(config, files) : byteTokenizer;
}

/** 256 bytes, one special token, and a merge. */
const LEAST_LEARNED = 257;

function learned(config: ModelConfig, files: readonly string[] | undefined): Tokenizer {
  if (!files)
    return fail("--tokenizer bpe learns from text, and there is none here; name its folder");
  let text = "";
  for (const file of files)
    for (const piece of textPieces(file)) {
      text += piece;
      if (text.length >= LEARNED_FROM) break;
    }
  return trainTokenizer(text.slice(0, LEARNED_FROM), { vocabSize: config.vocabSize });
}

function fromPath(path: string): Tokenizer {
  const stat = statSync(path, { throwIfNoEntry: false });
  const found = stat && loadTokenizer(stat.isDirectory() ? path : dirname(path));
  return (
    found ??
    fail(
      `--tokenizer ${path} is neither ${tokenizerWords.join(", ")} nor a folder with tokenizer.json${existsSync(path) ? "" : "; there is no such path"}`,
    )
  );
}

const fail = (why: string): never => {
  throw new OpenTrnError(why, { category: "bad input", rule: "--tokenizer" });
};
