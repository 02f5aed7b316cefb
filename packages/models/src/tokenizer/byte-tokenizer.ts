/** Bytes as tokens: for data without a vocabulary, and exact for every text. */
import { checkIds, type Tokenizer } from "./tokenizer.ts";
import { byteVocabulary, tokenizerFiles } from "./tokenizer-file.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const own = { name: "bytes", vocabSize: 256 } as const;

/** Token b is byte b of the UTF-8 text; there are no special tokens. */
export const byteTokenizer: Tokenizer = {
  ...own,
  fingerprint: "bytes",
  encode: (text) => Int32Array.from(encoder.encode(text)),
  decode: (ids) => {
    checkIds(ids, own);
    return decoder.decode(Uint8Array.from(ids));
  },
  files: tokenizerFiles(byteVocabulary),
};
