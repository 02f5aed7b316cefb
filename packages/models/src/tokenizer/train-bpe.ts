/** Byte-pair encoding learned from a text: the pair of neighbours that is most frequent becomes a token, again and again. */
import { OpenTrnError } from "@opentrn/base";
import { letterOf } from "./byte-letters.ts";
import { PairQueue } from "./pair-queue.ts";
import type { ByteLevelVocabulary } from "./tokenizer-file.ts";

export interface BpeOptions {
  /** Tokens in all: special ones, 256 bytes, merges. */
  readonly vocabSize: number;
  /** Tokens that stand for no text, numbered from 0. `<|endoftext|>` unless said otherwise. */
  readonly specials?: readonly string[];
  /** Pairs that occur less often are not merged. 2 unless said otherwise. */
  readonly minimum?: number;
}

/** How byte-level pre-tokenizers cut text: words with the space before them, numbers, punctuation, spaces. Source: GPT-2. */
const pieces = /'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

interface Word {
  /** Token numbers; merges shorten it. */
  ids: number[];
  readonly count: number;
}

const encoder = new TextEncoder();

/** Distinct pieces of the text with their counts, as byte tokens. */
function wordsOf(text: string, firstByte: number): Word[] {
  const counts = new Map<string, number>();
  for (const [piece] of text.matchAll(pieces)) counts.set(piece, (counts.get(piece) ?? 0) + 1);
  return [...counts].map(([piece, count]) => ({
    ids: Array.from(encoder.encode(piece), (b) => firstByte + b),
    count,
  }));
}

const fail = (why: string): never => {
  throw new OpenTrnError(why, { category: "bad input", rule: "tokenizer training" });
};

/** Learns a vocabulary; the same text gives the same one. It has fewer tokens where the text has no more pairs to merge. */
export function trainBpe(
  text: string,
  { vocabSize, specials = ["<|endoftext|>"], minimum = 2 }: BpeOptions,
): ByteLevelVocabulary {
  const firstByte = specials.length;
  const least = firstByte + 256;
  if (!Number.isSafeInteger(vocabSize) || vocabSize < least || vocabSize > 2 ** 20)
    fail(
      `vocabSize is ${vocabSize}; it takes a whole number from ${least} (specials and bytes) to ${2 ** 20}`,
    );
  if (text === "") fail("the text is empty; a vocabulary is learned from text");
  const tokens = [...specials, ...Array.from({ length: 256 }, (_, b) => letterOf(b))];
  const merges: (readonly [string, string])[] = [];
  const words = wordsOf(text, firstByte);
  const queue = new PairQueue();
  words.forEach((word, w) => {
    for (let i = 0; i + 1 < word.ids.length; i++)
      queue.change(word.ids[i]!, word.ids[i + 1]!, word.count, w);
  });
  while (tokens.length < vocabSize) {
    const best = queue.take(minimum);
    if (!best) break;
    const { left, right } = best;
    const made = tokens.length;
    tokens.push(tokens[left]! + tokens[right]!);
    merges.push([tokens[left]!, tokens[right]!]);
    for (const w of best.words) mergeIn(words[w]!, w, left, right, made, queue);
  }
  return { tokens, merges, specials: specials.map((_, id) => id) };
}

/** Replaces the pair in one word, from the left, and counts its new neighbours. */
function mergeIn(
  word: Word,
  w: number,
  left: number,
  right: number,
  made: number,
  queue: PairQueue,
): void {
  const { ids, count } = word;
  const out: number[] = [];
  for (let i = 0; i < ids.length; i++) {
    if (ids[i] === left && ids[i + 1] === right) {
      out.push(made);
      i++;
    } else out.push(ids[i]!);
  }
  if (out.length === ids.length) return;
  for (let i = 0; i + 1 < ids.length; i++) queue.change(ids[i]!, ids[i + 1]!, -count, w);
  for (let i = 0; i + 1 < out.length; i++) queue.change(out[i]!, out[i + 1]!, count, w);
  word.ids = out;
}
