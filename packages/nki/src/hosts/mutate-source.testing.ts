/** Damage to Python source: lines lost, repeated, exchanged or indented, numbers and names replaced, characters lost or added. */
import type { Random } from "@opentrn/base";

type Mutation = (r: Random, lines: readonly string[]) => readonly string[];

const numbers = ["0", "1", "-1", "2", "129", "4096", "10**9", "0.5", "True", "None", "1 << 40"];
const debris = [
  "(",
  ")",
  "]",
  ":",
  "'",
  '"""',
  "\\",
  "\t",
  "\0",
  "é",
  "π",
  "\u2028",
  "#",
  "=",
  "@",
  "*",
  "lambda",
  "yield ",
];
const statements = [
  "while True: pass",
  "raise SystemExit(3)",
  "raise KeyboardInterrupt",
  "import os; os._exit(7)",
  "return",
  "return 3",
  "del nl",
  "nl = None",
  "import sys; sys.setrecursionlimit(50)",
  "def f(n): return f(n + 1)\n    f(0)",
  "x = [0] * 10**7",
  "import nki; nki.jit(lambda: None)()",
  "print('\\x00' * 100)",
];

/** A line of code, not blank and no comment. */
const someLine = (r: Random, lines: readonly string[]): number => {
  const code = lines.flatMap((l, n) => (/^\s*[^\s#]/.test(l) ? [n] : []));
  return r.pick(code);
};

/** One match of `pattern` in some line replaced. */
const inLine =
  (pattern: RegExp, by: (r: Random, all: readonly string[]) => string): Mutation =>
  (r, lines) => {
    const having = lines.flatMap((l, n) => (pattern.test(l) ? [n] : []));
    if (having.length === 0) return lines;
    const n = r.pick(having);
    const matches = [...lines[n]!.matchAll(new RegExp(pattern, "g"))];
    const m = r.pick(matches);
    const text = lines[n]!;
    return lines.with(n, text.slice(0, m.index) + by(r, lines) + text.slice(m.index + m[0].length));
  };

const words = (lines: readonly string[]): string[] =>
  lines.join("\n").match(/[A-Za-z_]\w*/g) ?? ["x"];

const mutations: readonly Mutation[] = [
  (r, lines) => lines.toSpliced(someLine(r, lines), 1),
  (r, lines) => {
    const n = someLine(r, lines);
    return lines.toSpliced(n, 0, lines[n]!);
  },
  (r, lines) => {
    const [a, b] = [someLine(r, lines), someLine(r, lines)];
    return lines.with(a, lines[b]!).with(b, lines[a]!);
  },
  (r, lines) => {
    const n = someLine(r, lines);
    return lines.with(n, r.below(2) ? `  ${lines[n]}` : lines[n]!.replace(/^ {4}/, ""));
  },
  (r, lines) => {
    const n = someLine(r, lines);
    const indent = /^\s*/.exec(lines[n]!)![0];
    return lines.toSpliced(n, 0, indent + r.pick(statements));
  },
  inLine(/\b\d+\b/, (r) => r.pick(numbers)),
  inLine(/\b\d+\b/, (r) => r.pick(numbers)),
  inLine(/\b[A-Za-z_]\w*\b/, (r, lines) => r.pick(words(lines))),
  inLine(/\b[A-Za-z_]\w*\b/, (r, lines) => r.pick(words(lines))),
  inLine(/[^\s]/, () => ""),
  inLine(/[^\s]/, (r) => r.pick(debris)),
  inLine(/[+\-*/%]/, (r) => r.pick(["+", "-", "*", "//", "%", "**", "@"])),
];

/** The source with one or two damages. */
export function mutatedSource(r: Random, source: string): string {
  let lines: readonly string[] = source.split("\n");
  for (let n = 1 + r.below(2); n > 0; n--) lines = r.pick(mutations)(r, lines);
  return lines.join("\n");
}
