/** How attributes stand in the text form: a row for every kind that is written between the braces. */
import { OpenTrnError } from "@opentrn/base";
import type { AttrSpec, Literal } from "./define.ts";
import type { Func } from "./graph.ts";
import type { Scanner } from "./scan.ts";
import { siteHere } from "./site.ts";
import { representable, tensorOf } from "./storage.ts";
import { type ElementType, isFloatType, printType, type TensorType } from "./types.ts";

/** The shortest decimal that reads back as the same element of that type. */
export function printNumber(x: number, dtype: ElementType): string {
  if (Number.isNaN(x)) return "nan";
  if (!Number.isFinite(x)) return x > 0 ? "inf" : "-inf";
  if (Object.is(x, -0)) return "-0";
  if (!isFloatType({ shape: [], dtype })) return String(x);
  for (let digits = 1; digits <= 9; digits++) {
    const short = Number(x.toPrecision(digits));
    if (representable(short, dtype) === x) return String(short);
  }
  return String(x);
}

/** Nested lists in the shape of the tensor; a number alone stands for every element. */
export function printLiteral(value: Literal, { shape, dtype }: TensorType): string {
  if (typeof value === "number") return printNumber(value, dtype);
  let at = 0;
  const nested = (d: number): string =>
    d === shape.length
      ? printNumber(value[at++]!, dtype)
      : `[${Array.from({ length: shape[d]! }, () => nested(d + 1)).join(", ")}]`;
  return shape.length === 0 ? `[${nested(0)}]` : nested(0);
}

type Numbers = number | readonly Numbers[];

/** A number, or nested lists of them; no deeper than any tensor here has dimensions. */
function scanNumbers(s: Scanner, depth = 0): Numbers {
  if (!s.peek("[")) return s.number();
  if (depth > deepest) s.fail(`lists are nested more than ${deepest} deep`);
  return s.list("[", "]", () => scanNumbers(s, depth + 1));
}
const deepest = 64;

/** The elements row-major; stops where the lists have another shape than the tensor. */
function elementsOf(numbers: Numbers, type: TensorType): readonly number[] {
  const shape = type.shape.length === 0 ? [1] : type.shape;
  const flatten = (n: Numbers, d: number): readonly number[] => {
    if (d === shape.length && typeof n === "number") return [n];
    if (typeof n !== "number" && n.length === shape[d]) return n.flatMap((m) => flatten(m, d + 1));
    throw new OpenTrnError(
      `the value's lists do not have the shape of ${printType(type)}; nest one list a dimension`,
      { category: "bad input", rule: "ir text", at: siteHere().location },
    );
  };
  return flatten(numbers, 0);
}

interface AttrText {
  /** `type` is that of the operation's first result. */
  readonly print: (value: unknown, type: TensorType) => string;
  /** Reads the value as far as it can before the result types are known. */
  readonly scan: (s: Scanner, functions: ReadonlyMap<string, Func>) => unknown;
  /** The value, once they are. */
  readonly settle?: (scanned: unknown, type: TensorType) => unknown;
}

const word = { print: String, scan: (s: Scanner) => s.match(/\w+/, "a word") };

/** Kinds that only the result types show have no row. */
export const attrText = {
  ints: {
    print: (value) => `[${(value as number[]).join(", ")}]`,
    scan: (s) => s.list("[", "]", () => s.number()),
  },
  int: { print: String, scan: (s) => s.number() },
  bool: { print: String, scan: (s) => s.match(/true|false/, "true or false") === "true" },
  enum: word,
  string: { print: (value) => JSON.stringify(value), scan: (s) => s.string() },
  literal: {
    print: (value, type) => printLiteral(value as Literal, type),
    scan: (s) => scanNumbers(s),
    settle: (scanned, type) =>
      typeof scanned === "number"
        ? representable(scanned, type.dtype)
        : tensorOf(type, elementsOf(scanned as Numbers, type)).data,
  },
  function: {
    print: (value) => `@${(value as Func).name}`,
    scan: (s, functions) => {
      s.take("@");
      const name = s.match(/[\w.]+/, "a name");
      return functions.get(name) ?? s.fail(`function @${name} is not defined above`);
    },
  },
  shape: undefined,
  dtype: undefined,
  types: undefined,
} as const satisfies Record<AttrSpec["kind"], AttrText | undefined>;

/** The row of that kind, if it has one. */
export const attrTextOf = (kind: AttrSpec["kind"]): AttrText | undefined => attrText[kind];
