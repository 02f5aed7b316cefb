/** Splits the text form into tokens, with the line for errors. `//` starts a comment. */
import { OpenTrnError } from "@opentrn/base";

export class Scanner {
  private at = 0;
  /** End of the last token taken. */
  private taken = 0;
  /** Lines up to a place that asking further on need not count again. */
  private counted = 0;
  private lines = 1;
  private readonly text: string;
  private readonly file: string;

  constructor(text: string, file: string) {
    this.text = text;
    this.file = file;
  }

  /** The line of the next token, from 1. */
  get line(): number {
    this.skip();
    return this.lineAt(this.at);
  }

  atEnd(): boolean {
    this.skip();
    return this.at >= this.text.length;
  }

  /** Stops at the line of the last token taken, or at another one. */
  fail(why: string, line = this.lineAt(this.taken)): never {
    throw new OpenTrnError(`${this.file}:${line}: ${why}`, {
      category: "bad input",
      rule: "ir text",
      at: { file: this.file, line },
    });
  }

  peek(token: string): boolean {
    this.skip();
    return this.text.startsWith(token, this.at);
  }

  tryTake(token: string): boolean {
    const found = this.peek(token);
    if (found) this.step(token);
    return found;
  }

  take(token: string): void {
    if (!this.tryTake(token)) this.fail(`expected ${token}, found ${this.found()}`, this.line);
  }

  /** The text that `pattern` matches here. */
  match(pattern: RegExp, what: string): string {
    this.skip();
    const sticky = new RegExp(pattern.source, "y");
    sticky.lastIndex = this.at;
    const token = sticky.exec(this.text)?.[0];
    if (!token) return this.fail(`expected ${what}, found ${this.found()}`, this.line);
    this.step(token);
    return token;
  }

  number(): number {
    const token = this.match(/[-+]?(?:inf|nan|\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)/, "a number");
    return token === "nan"
      ? Number.NaN
      : token.endsWith("inf")
        ? Number(token.replace("inf", "Infinity"))
        : Number(token);
  }

  string(): string {
    const token = this.match(/"(?:[^"\\\n]|\\.)*"/, "a string in double quotes");
    try {
      return JSON.parse(token) as string;
    } catch {
      return this.fail(`${token} is no JSON string`);
    }
  }

  /** `%name` without the percent sign. */
  value(): string {
    this.take("%");
    return this.match(/[\w.]+/, "a name");
  }

  /** Items between commas, at least one. */
  separated<T>(item: () => T): T[] {
    const items = [item()];
    while (this.tryTake(",")) items.push(item());
    return items;
  }

  /** Items between commas inside brackets, possibly none. */
  list<T>(open: string, close: string, item: () => T): T[] {
    this.take(open);
    const items = this.peek(close) ? [] : this.separated(item);
    this.take(close);
    return items;
  }

  private step(token: string): void {
    this.at += token.length;
    this.taken = this.at;
  }

  private lineAt(at: number): number {
    if (at < this.counted) return this.text.slice(0, at).split("\n").length;
    for (let i = this.counted; i < at; i++) if (this.text[i] === "\n") this.lines++;
    this.counted = at;
    return this.lines;
  }

  private skip(): void {
    const space = /(?:\s+|\/\/[^\n]*)*/y;
    space.lastIndex = this.at;
    space.exec(this.text);
    this.at = space.lastIndex;
  }

  private found(): string {
    return this.atEnd() ? "the end" : JSON.stringify(/\S+/y.exec(this.text.slice(this.at))?.[0]);
  }
}
