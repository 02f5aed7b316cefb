/** Text to token numbers and back. */
import { OpenTrnError } from "@opentrn/base";

export interface Tokenizer {
  /** How messages name it. */
  readonly name: string;
  /** One more than the largest token number; a model's vocabulary is at least as large. */
  readonly vocabSize: number;
  /** The same for tokenizers that give the same numbers, and only for these; what was encoded may be kept under it. */
  readonly fingerprint: string;
  /** The token that begins a text, where there is one. */
  readonly bos?: number;
  /** The token that ends a text, where there is one. */
  readonly eos?: number;
  /** `specials` adds what the tokenizer puts around a text, such as a first token. False unless said otherwise. */
  readonly encode: (text: string, options?: { readonly specials?: boolean }) => Int32Array;
  /** Special tokens are left out; bytes that are no UTF-8 become U+FFFD. Stops at numbers that are no tokens. */
  readonly decode: (ids: ArrayLike<number>) => string;
  /** Texts by file name, to be saved beside a checkpoint; `loadTokenizer` reads them again. */
  readonly files: Readonly<Record<string, string>>;
}

/** Stops at the first number that is no token of the tokenizer. */
export function checkIds(
  ids: ArrayLike<number>,
  { name, vocabSize }: Pick<Tokenizer, "name" | "vocabSize">,
): void {
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!;
    if (!Number.isInteger(id) || id < 0 || id >= vocabSize)
      throw new OpenTrnError(`${id} at ${i} is no token of ${name}, which has ${vocabSize}`, {
        category: "bad input",
        rule: "tokenizer id",
      });
  }
}

export interface DecodeStream {
  /** The text that is certain after this token; often all of it, nothing in the middle of a character. */
  readonly push: (id: number) => string;
  /** What is left. */
  readonly end: () => string;
}

/**
 * Text token by token, as a generator shows it. A token is decoded with those before it, since a space or the bytes of a character may depend
 * on them; text that ends in U+FFFD waits for the bytes that complete it, for at most eight tokens.
 */
export function decodeStream({ decode }: Pick<Tokenizer, "decode">): DecodeStream {
  /** Tokens already shown that the next ones are decoded with, then tokens not shown. */
  let context: number[] = [];
  let waiting: number[] = [];
  const flush = (): string => {
    const before = decode(context);
    const text = decode([...context, ...waiting]);
    const added = text.startsWith(before) ? text.slice(before.length) : decode(waiting);
    context = waiting;
    waiting = [];
    return added;
  };
  return {
    push: (id) => {
      waiting.push(id);
      const open = decode([...context, ...waiting]).endsWith("\ufffd");
      return open && waiting.length < 8 ? "" : flush();
    },
    end: () => (waiting.length > 0 ? flush() : ""),
  };
}
