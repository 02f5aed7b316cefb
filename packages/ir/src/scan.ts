/** Splits the text form into tokens, with the line for errors. `//` starts a comment. */
import { OpenTrnError } from "@opentrn/base";

export class Scanner {
  private at = 0;
  private readonly text: string;
  private readonly file: string;

  constructor(text: string, file: string) {
    this.text = text;
    this.file = file;
  }

  /** The line of the next token, from 1. */
  get line(): number {
    this.skip();
    return this.text.slice(0, this.at).split("\n").length;
  }

  atEnd(): boolean {
    this.skip();
    return this.at >= this.text.length;
  }

  fail(why: string): never {
    const { line } = this;
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
    if (found) this.at += token.length;
    return found;
  }

  take(token: string): void {
    if (!this.tryTake(token)) this.fail(`expected ${token}, found ${this.found()}`);
  }

  /** The text that `pattern` matches here. */
  match(pattern: RegExp, what: string): string {
    this.skip();
    const sticky = new RegExp(pattern.source, "y");
    sticky.lastIndex = this.at;
    const token = sticky.exec(this.text)?.[0];
    if (!token) return this.fail(`expected ${what}, found ${this.found()}`);
    this.at += token.length;
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
