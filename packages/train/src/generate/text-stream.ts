/** Turns tokens into text as they come. A character of several tokens appears when its last one is there. */
import type { TextTokenizer } from "../data/text-tokenizer.ts";

const UNFINISHED = "\ufffd";
/** UTF-8 has four bytes a character at most; tokens held back beyond twice that are no character in the making. */
const LONGEST_WAIT = 8;

export class TextStream {
  private readonly ids: number[] = [];
  /** Tokens before `shown` are on the screen; those from `context` on decide how the next ones read (spaces, for one). */
  private context = 0;
  private shown = 0;
  private readonly tokenizer: TextTokenizer;

  constructor(tokenizer: TextTokenizer) {
    this.tokenizer = tokenizer;
  }

  /** The text that this token completes; empty while a character is unfinished. */
  push(id: number): string {
    this.ids.push(id);
    const text = this.tokenizer.decode(this.ids.slice(this.context));
    if (text.endsWith(UNFINISHED) && this.ids.length - this.shown <= LONGEST_WAIT) return "";
    return this.take(text);
  }

  /** What is left at the end, U+FFFD where a character was cut off. */
  end(): string {
    return this.take(this.tokenizer.decode(this.ids.slice(this.context)));
  }

  private take(text: string): string {
    const before = this.tokenizer.decode(this.ids.slice(this.context, this.shown));
    this.context = this.shown;
    this.shown = this.ids.length;
    return text.slice(before.length);
  }
}
