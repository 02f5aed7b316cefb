/** What the data loader and the sampler ask of a tokenizer; `models` has the real ones. */

export interface TextTokenizer {
  /** How messages name it. */
  readonly name: string;
  /** Ids are below this. */
  readonly vocabulary: number;
  /** The same for tokenizers that give the same ids, and only for these: token caches are kept by it. */
  readonly fingerprint: string;
  /** The id between two files, where the vocabulary has one. */
  readonly endOfText?: number;
  encode(text: string): ArrayLike<number>;
  /** The text that the tokens stand for; a character cut off at an end becomes U+FFFD. */
  decode(ids: readonly number[]): string;
}

/** One token a byte of UTF-8: works for every text and needs no files. */
export const byteTokenizer: TextTokenizer = {
  name: "bytes",
  vocabulary: 256,
  fingerprint: "bytes",
  encode: (text) => new TextEncoder().encode(text),
  decode: (ids) => new TextDecoder().decode(Uint8Array.from(ids)),
};
