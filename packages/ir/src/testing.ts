/** What tests share: random inputs, central differences in float64, and small functions that use every operation. */
import { Random } from "@opentrn/base";
import {
  add,
  type CustomCalls,
  call,
  constant,
  type Func,
  func,
  functionOf,
  gradient,
  type Inputs,
  type InterpretOptions,
  interpret,
  isFloatType,
  multiply,
  parameterName,
  sizeOf,
  sum,
  tensor,
  type Value,
} from "./index.ts";

export const numbers = (fn: Func, inputs: Inputs, options?: InterpretOptions): number[][] =>
  interpret(fn, inputs, options).map((t) => Array.from(t.data));

/** Values in (low, high) for every float parameter that `given` does not name; the same for the same seed. */
export function randomInputs(
  fn: Func,
  given: Readonly<Record<string, readonly number[]>> = {},
  [low, high]: readonly [number, number] = [-1, 1],
  seed = 1,
): Record<string, readonly number[]> {
  const random = new Random(seed);
  return Object.fromEntries(
    fn.params.map((v) => {
      const name = parameterName(v);
      const drawn = () =>
        Array.from({ length: sizeOf(v.type.shape) }, () => low + (high - low) * random.uniform());
      return [name, given[name] ?? drawn()];
    }),
  );
}

/** One scalar out of all float results: each element times its own number. */
export function weighted(fn: Func): Func {
  const random = new Random(7);
  const parts = call(fn, fn.params).flatMap((v): Value[] => {
    if (!isFloatType(v.type)) return [];
    const weights = Array.from({ length: sizeOf(v.type.shape) }, () => random.uniform() + 0.5);
    return [sum(multiply(v, constant(v.type, weights)))];
  });
  return functionOf("weighted", fn.params, [
    parts.length === 0 ? constant(tensor([]), 0) : parts.reduce(add),
  ]);
}

/** The derivatives of a scalar function by its float parameters, by central differences in float64. */
export function finiteDifferences(
  fn: Func,
  inputs: Readonly<Record<string, readonly number[]>>,
  customCalls: CustomCalls = {},
  step = 1e-5,
): number[][] {
  const at = (name: string, i: number, by: number): number => {
    const values = inputs[name]!;
    const moved = { ...inputs, [name]: values.with(i, values[i]! + by) };
    return numbers(fn, moved, { arithmetic: "float64", customCalls })[0]![0]!;
  };
  return fn.params
    .filter((v) => isFloatType(v.type))
    .map((v) => {
      const name = parameterName(v);
      return inputs[name]!.map((_, i) => (at(name, i, step) - at(name, i, -step)) / (2 * step));
    });
}

/** The same derivatives by reverse mode, interpreted in float64. */
export const reverseMode = (fn: Func, inputs: Inputs, customCalls: CustomCalls = {}): number[][] =>
  numbers(gradient(fn, undefined, { customCalls }), inputs, {
    arithmetic: "float64",
    customCalls,
  }).slice(fn.results.length);

/** The largest difference, relative where values exceed 1. */
export const worst = (a: readonly number[][], b: readonly number[][]): number => {
  if (a.length !== b.length || a.some((row, i) => row.length !== b[i]!.length)) return Infinity;
  const differences = a.flatMap((row, i) =>
    row.map((x, j) => Math.abs(x - b[i]![j]!) / Math.max(1, Math.abs(b[i]![j]!))),
  );
  return differences.some(Number.isNaN) ? Number.NaN : Math.max(0, ...differences);
};

/** A function of one fp32 parameter. */
export const map = (shape: readonly number[], f: (x: Value) => Value): Func =>
  func("map", { x: tensor(shape) }, ({ x }) => f(x));
/** A function of two fp32 parameters. */
export const zip = (
  a: readonly number[],
  b: readonly number[],
  f: (x: Value, y: Value) => Value,
): Func => func("zip", { x: tensor(a), y: tensor(b) }, ({ x, y }) => f(x, y));
