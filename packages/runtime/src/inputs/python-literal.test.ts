import { expect, test } from "vitest";
import { pythonSource, readLiteral, scriptValue, Tuple } from "./python-literal.ts";

test("integers and floats stay apart", () => {
  expect(readLiteral("1")).toBe(1n);
  expect(readLiteral("-12_000")).toBe(-12000n);
  expect(readLiteral("0x10")).toBe(16n);
  expect(readLiteral("1.0")).toBe(1);
  expect(readLiteral("1e-6")).toBe(1e-6);
  expect(readLiteral(".5")).toBe(0.5);
  expect(readLiteral("-inf")).toBe(Number.NEGATIVE_INFINITY);
});
test("words, strings and containers", () => {
  expect(readLiteral("True")).toBe(true);
  expect(readLiteral("false")).toBe(false);
  expect(readLiteral("None")).toBe(null);
  expect(readLiteral("'a\\n\"b'")).toBe('a\n"b');
  expect(readLiteral("[1, 2.5,]")).toEqual([1n, 2.5]);
  expect(readLiteral("(1,)")).toEqual(new Tuple([1n]));
  expect(readLiteral("()")).toEqual(new Tuple([]));
  expect(readLiteral("(1)")).toBe(1n);
  expect(readLiteral("{'a': (1, 2)}")).toEqual(new Map([["a", new Tuple([1n, 2n])]]));
});
test("Python source keeps types", () => {
  for (const s of ["1", "1.0", "-3", "1e-06", "True", "None", "(1, 2)", "(1,)", "[1, 2.5]"])
    expect(readLiteral(pythonSource(readLiteral(s)))).toEqual(readLiteral(s));
  expect(pythonSource(2)).toBe("2.0");
  expect(pythonSource(2n)).toBe("2");
  expect(pythonSource(Number.NEGATIVE_INFINITY)).toBe("-1e999");
});
test("script values are plain", () => {
  expect(scriptValue(readLiteral("{'a': [1, (2, 'x')]}"))).toEqual({ a: [1, [2, "x"]] });
});
test("anything else is bad input with its column", () => {
  for (const [text, message] of [
    ["", "ends early at column 1"],
    ["gelu", "gelu is a bare word; put strings in quotes at column 1"],
    ["__proto__", "bare word"],
    ["1 + 1", "something follows the value at column 3"],
    ["[1 2]", "expected , or ]"],
    ["'abc", "not closed"],
    ["{1: 2}", "key is not a string"],
    ["{'a': 1, 'a': 2}", "occurs twice"],
    ["open('x')", "bare word"],
    ["'\\x41'", "escape \\x"],
    ["[".repeat(100), "levels of nesting"],
  ] as const)
    expect(() => readLiteral(text), text).toThrow(message);
});
