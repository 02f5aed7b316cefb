/** Checked reading of `config.json` fields: each with its limits, unknown ones reported, features we lack refused by name. */
import { OpenTrnError } from "@opentrn/base";

export type Json = Readonly<Record<string, unknown>>;

/** `bad input` about one field. */
export const badField = (file: string, field: string, why: string): OpenTrnError =>
  new OpenTrnError(`${file}: ${field} ${why}`, {
    category: "bad input",
    rule: `config ${field}`,
  });

/** A feature of a model that is not implemented. */
export const unsupported = (
  file: string,
  field: string,
  value: unknown,
  way: string,
): OpenTrnError =>
  new OpenTrnError(`${file}: ${field} ${JSON.stringify(value)} is not supported; ${way}`, {
    category: "unsupported here",
    rule: `config ${field}`,
  });

const shown = (value: unknown): string =>
  // JSON writes NaN as null; objects may have a toString of their own, which is nobody's to call.
  (typeof value === "number" ? String(value) : (JSON.stringify(value) ?? "undefined")).slice(0, 80);

/** Reads the fields of one object and remembers which. Null counts as absent, as Hugging Face writes defaults. */
export class Fields {
  readonly file: string;
  private readonly json: Json;
  private readonly prefix: string;
  private readonly read = new Set<string>();

  constructor(file: string, json: Json, prefix = "") {
    this.file = file;
    this.json = json;
    this.prefix = prefix;
  }

  private value(name: string): unknown {
    this.read.add(name);
    return Object.hasOwn(this.json, name) ? (this.json[name] ?? undefined) : undefined;
  }

  fail(name: string, why: string): never {
    throw badField(this.file, this.prefix + name, why);
  }

  private number(
    name: string,
    holds: (x: number) => boolean,
    what: string,
    otherwise: number | undefined,
  ): number {
    const value = this.value(name) ?? otherwise;
    if (value === undefined) this.fail(name, `is missing; it takes ${what}`);
    if (typeof value !== "number" || !holds(value))
      this.fail(name, `is ${shown(value)}; it takes ${what}`);
    return value;
  }

  /** A whole number from 1 to `limit`. */
  size(name: string, limit: number, otherwise?: number): number {
    const what = `a whole number from 1 to ${limit}`;
    return this.number(name, (x) => Number.isInteger(x) && x >= 1 && x <= limit, what, otherwise);
  }

  /** A number in [low, high]. */
  real(name: string, low: number, high: number, otherwise?: number): number {
    return this.number(
      name,
      (x) => x >= low && x <= high,
      `a number from ${low} to ${high}`,
      otherwise,
    );
  }

  flag(name: string, otherwise: boolean): boolean {
    const value = this.value(name) ?? otherwise;
    if (typeof value !== "boolean") this.fail(name, `is ${shown(value)}; it takes true or false`);
    return value;
  }

  word<const T extends string>(name: string, known: readonly T[], otherwise?: T): T {
    const value = this.value(name) ?? otherwise;
    if (value === undefined) this.fail(name, `is missing; known are ${known.join(", ")}`);
    if (typeof value !== "string" || !known.includes(value as T))
      throw unsupported(this.file, this.prefix + name, value, `known are ${known.join(", ")}`);
    return value as T;
  }

  /** Numbers of tokens: one, several or none. */
  tokens(name: string, vocabSize: number): readonly number[] {
    const value = this.value(name);
    const all = value === undefined ? [] : Array.isArray(value) ? value : [value];
    for (const id of all)
      if (!Number.isInteger(id) || id < -1 || id >= vocabSize)
        this.fail(name, `is ${shown(value)}; it takes token numbers below vocab_size ${vocabSize}`);
    // -1 is how some configurations say that there is none.
    return all.filter((id) => id >= 0);
  }

  /** An object; undefined when absent. */
  object(name: string): Fields | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    if (typeof value !== "object" || Array.isArray(value))
      this.fail(name, `is ${shown(value)}; it takes an object`);
    return new Fields(this.file, value as Json, `${this.prefix}${name}.`);
  }

  has(name: string): boolean {
    return Object.hasOwn(this.json, name) && this.json[name] !== null;
  }

  /** The value as it stands, for checks of shapes that no other method reads. */
  raw(name: string): unknown {
    return this.value(name);
  }

  /** Fields that change nothing here. */
  ignore(names: readonly string[]): void {
    for (const name of names) this.read.add(name);
  }

  /** Fields that nobody has read and that say something. */
  unread(): readonly string[] {
    const silent = (v: unknown): boolean => v === null || v === false;
    return Object.keys(this.json)
      .filter((name) => !this.read.has(name) && !silent(this.json[name]))
      .map((name) => this.prefix + name);
  }
}
