/** Python literals: compile-time arguments on the command line and the headers of npy files. A reader, never an evaluator. */
import { OpenTrnError } from "@opentrn/base";

/** int is bigint and float is number, so that `1` and `1.0` stay apart; a tuple is marked, a list is a plain array. */
export type Literal =
  | null
  | boolean
  | bigint
  | number
  | string
  | readonly Literal[]
  | Tuple
  | ReadonlyMap<string, Literal>;

export class Tuple {
  readonly items: readonly Literal[];
  constructor(items: readonly Literal[]) {
    this.items = items;
  }
}

const words: Readonly<Record<string, Literal>> = {
  None: null,
  True: true,
  False: false,
  // Other languages' spellings, since they are unambiguous on a command line.
  true: true,
  false: false,
  null: null,
  inf: Number.POSITIVE_INFINITY,
  nan: Number.NaN,
};
const numberForm =
  /[+-]?(?:0[xX][0-9a-fA-F]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?|inf\b)/y;
const MAX_DEPTH = 16;

class Reader {
  at = 0;
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }

  fail(why: string): never {
    throw new OpenTrnError(
      `${JSON.stringify(clip(this.text))} is not a Python literal: ${why} at column ${this.at + 1}`,
      {
        category: "bad input",
        rule: "literal",
      },
    );
  }

  space(): void {
    while (/\s/.test(this.text[this.at] ?? "")) this.at++;
  }

  take(c: string): boolean {
    this.space();
    if (this.text[this.at] !== c) return false;
    this.at++;
    return true;
  }

  value(depth = 0): Literal {
    if (depth > MAX_DEPTH) this.fail(`more than ${MAX_DEPTH} levels of nesting`);
    this.space();
    const c = this.text[this.at];
    if (c === undefined) this.fail("it ends early");
    if (c === "'" || c === '"') return this.string(c);
    if (this.take("(")) return this.tuple(depth);
    if (this.take("[")) return this.items("]", depth).values;
    if (this.take("{")) return this.dict(depth);
    const word = /[A-Za-z_]\w*/y;
    word.lastIndex = this.at;
    const name = word.exec(this.text)?.[0];
    if (name !== undefined) {
      if (!Object.hasOwn(words, name)) this.fail(`${name} is a bare word; put strings in quotes`);
      this.at += name.length;
      return words[name]!;
    }
    return this.number();
  }

  private number(): Literal {
    numberForm.lastIndex = this.at;
    const raw = numberForm.exec(this.text)?.[0];
    if (raw === undefined) this.fail(`${JSON.stringify(this.text[this.at])} starts no value`);
    this.at += raw.length;
    const digits = raw.replaceAll("_", "");
    if (/^[+-]?(\d+|0[xX][0-9a-fA-F]+)$/.test(digits)) {
      const size = BigInt(digits.replace(/^[+-]/, ""));
      return digits.startsWith("-") ? -size : size;
    }
    if (digits.endsWith("inf"))
      return digits.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
    return Number(digits);
  }

  private string(quote: string): string {
    let out = "";
    for (this.at++; ; this.at++) {
      const c = this.text[this.at];
      if (c === undefined) this.fail("a string is not closed");
      if (c === quote) break;
      if (c !== "\\") {
        out += c;
        continue;
      }
      this.at++;
      const letter = this.text[this.at];
      const known = { n: "\n", t: "\t", "\\": "\\", "'": "'", '"': '"' }[letter ?? ""];
      if (known === undefined) this.fail(`escape \\${letter ?? ""} is not taken`);
      out += known;
    }
    this.at++;
    return out;
  }

  private items(close: string, depth: number): { values: Literal[]; commas: number } {
    const values: Literal[] = [];
    let commas = 0;
    while (!this.take(close)) {
      if (values.length > commas) this.fail(`expected , or ${close}`);
      values.push(this.value(depth + 1));
      if (this.take(",")) commas++;
    }
    return { values, commas };
  }

  private tuple(depth: number): Literal {
    const { values, commas } = this.items(")", depth);
    return values.length === 1 && commas === 0 ? values[0]! : new Tuple(values);
  }

  private dict(depth: number): Literal {
    const out = new Map<string, Literal>();
    while (!this.take("}")) {
      const key = this.value(depth + 1);
      if (typeof key !== "string") this.fail("a dictionary key is not a string");
      if (out.has(key)) this.fail(`key ${JSON.stringify(key)} occurs twice`);
      if (!this.take(":")) this.fail("expected :");
      out.set(key, this.value(depth + 1));
      this.space();
      if (!this.take(",") && this.text[this.at] !== "}") this.fail("expected , or }");
    }
    return out;
  }
}

const clip = (s: string): string => (s.length > 60 ? `${s.slice(0, 57)}...` : s);

/** Reads one literal; throws `bad input` naming the column for anything else. */
export function readLiteral(text: string): Literal {
  const r = new Reader(text);
  const v = r.value();
  r.space();
  if (r.at < text.length) r.fail("something follows the value");
  return v;
}

/** The literal as Python source, e.g. for a host that runs Python. */
export function pythonSource(v: Literal): string {
  if (v === null) return "None";
  if (typeof v === "boolean") return v ? "True" : "False";
  if (typeof v === "bigint") return `${v}`;
  if (typeof v === "number") return floatSource(v);
  if (typeof v === "string") return JSON.stringify(v);
  if (v instanceof Tuple)
    return `(${v.items.map(pythonSource).join(", ")}${v.items.length === 1 ? "," : ""})`;
  if (v instanceof Map)
    return `{${[...v].map(([k, x]) => `${JSON.stringify(k)}: ${pythonSource(x)}`).join(", ")}}`;
  return `[${(v as readonly Literal[]).map(pythonSource).join(", ")}]`;
}

function floatSource(v: number): string {
  if (Number.isNaN(v)) return 'float("nan")';
  // A literal as Python's own literal reader takes it, too.
  if (!Number.isFinite(v)) return v > 0 ? "1e999" : "-1e999";
  return Number.isInteger(v) && Math.abs(v) < 1e16 ? `${v}.0` : String(v);
}

/** The literal as a TypeScript kernel takes it: numbers, arrays and plain objects. */
export function scriptValue(v: Literal): unknown {
  if (typeof v === "bigint") return Number(v);
  if (v instanceof Tuple) return v.items.map(scriptValue);
  if (v instanceof Map) return Object.fromEntries([...v].map(([k, x]) => [k, scriptValue(x)]));
  return Array.isArray(v) ? v.map(scriptValue) : v;
}
