/** add, subtract, multiply, divide, maximum, minimum, power: two tensors of one type, element by element. */
import { power as powerFp32 } from "@opentrn/numerics";
import * as b from "../build/elementwise.ts";
import { compare, select } from "../build/selection.ts";
import { constantLike } from "../build/sources.ts";
import type { GradientCall } from "../define.ts";
import type { Value } from "../graph.ts";
import { binary } from "./elementwise.ts";

type Rule = GradientCall<Record<never, never>>;
/** Computes a cotangent only where it is asked for. */
const each = (
  { needs }: Rule,
  lhs: () => Value,
  rhs: () => Value,
): readonly (Value | undefined)[] => [needs[0] ? lhs() : undefined, needs[1] ? rhs() : undefined];

export const add = binary({
  name: "add",
  summary: "lhs + rhs; integers wrap.",
  takes: "number",
  exact: (x, y) => x + y,
  gradient: ({ cotangent: g }) => [g, g],
});

export const subtract = binary({
  name: "subtract",
  summary: "lhs - rhs; integers wrap.",
  takes: "number",
  exact: (x, y) => x - y,
  gradient: (call) =>
    each(
      call,
      () => call.cotangent,
      () => b.negate(call.cotangent),
    ),
});

export const multiply = binary({
  name: "multiply",
  summary: "lhs times rhs; integers wrap.",
  takes: "number",
  exact: (x, y) => x * y,
  integer: Math.imul,
  gradient: (call) => {
    const { operands, cotangent: g } = call;
    return each(
      call,
      () => b.multiply(g, operands[1]!),
      () => b.multiply(g, operands[0]!),
    );
  },
});

export const divide = binary({
  name: "divide",
  summary: "lhs / rhs; integers truncate towards zero.",
  differs: "an integer divided by zero is all ones; StableHLO leaves it open",
  takes: "number",
  exact: (x, y) => x / y,
  integer: (x, y) => (y === 0 ? -1 : Math.trunc(x / y)),
  gradient: (call) => {
    const { operands, results, cotangent: g } = call;
    return each(
      call,
      () => b.divide(g, operands[1]!),
      () => b.negate(b.divide(b.multiply(g, results[0]!), operands[1]!)),
    );
  },
});

/** The winner takes the cotangent; equal operands share it, which is what central differences give. */
const winner = (direction: "GT" | "LT") => (call: Rule) => {
  const { cotangent: g } = call;
  const [x, y] = call.operands as [Value, Value];
  const half = b.multiply(g, 0.5);
  const zero = constantLike(g, 0);
  const share = (a: Value, other: Value): Value =>
    select(compare(a, other, direction), g, select(compare(a, other, "EQ"), half, zero));
  return each(
    call,
    () => share(x, y),
    () => share(y, x),
  );
};

export const maximum = binary({
  name: "maximum",
  summary: "The larger; NaN wins, -0 is below +0.",
  takes: "number",
  exact: Math.max,
  gradient: winner("GT"),
});

export const minimum = binary({
  name: "minimum",
  summary: "The smaller; NaN wins, -0 is below +0.",
  takes: "number",
  exact: Math.min,
  gradient: winner("LT"),
});

export const power = binary({
  name: "power",
  summary: "lhs to the power rhs.",
  differs: "float types only",
  takes: "float",
  exact: (x, y) => (x === 1 ? 1 : x ** y),
  fp32: powerFp32,
  gradient: (call) => {
    const { results, cotangent: g } = call;
    const [x, y] = call.operands as [Value, Value];
    const one = constantLike(y, 1);
    const zero = constantLike(x, 0);
    return each(
      call,
      // y x^(y-1), without 0 * infinity at x = y = 0.
      () =>
        b.multiply(
          g,
          b.multiply(y, b.power(x, select(compare(y, zero, "EQ"), one, b.subtract(y, one)))),
        ),
      // x^y ln x, taken as 0 at x = 0.
      () => b.multiply(g, b.multiply(results[0]!, select(compare(x, zero, "EQ"), zero, b.log(x)))),
    );
  },
});
