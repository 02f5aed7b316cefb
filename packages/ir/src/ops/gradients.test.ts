/** Every operation has a gradient that agrees with central differences, or is on the list of those without. */
import { expect, test } from "vitest";
import {
  type Func,
  functionOf,
  type GradientOptions,
  gradient,
  type OpName,
  operationsOf,
  ops,
  sizeOf,
} from "../index.ts";
import { finiteDifferences, randomInputs, reverseMode, weighted, worst } from "../testing.ts";
import { allSamples, type Sample, samples } from "./samples.fixture.ts";

const notDifferentiable = [
  "parameter",
  "constant",
  "iota",
  "sign",
  "and",
  "or",
  "not",
  "compare",
  "rng_bit_generator",
] as const satisfies readonly OpName[];

const gradientOnly = (fn: Func, options: GradientOptions): Func => {
  const both = gradient(fn, undefined, options);
  return functionOf(both.name, both.params, both.results.slice(fn.results.length));
};

test("the operations without a gradient are the listed ones, each says why", () => {
  const without = Object.values(ops).filter((op) => typeof op.gradient !== "function");
  expect(without.map((op) => op.name)).toEqual(notDifferentiable);
  for (const op of without)
    expect((op.gradient as { notDifferentiable: string }).notDifferentiable).toMatch(/\w+ \w+/);
});

test("every operation has a sample in which it occurs", () => {
  for (const [name, list] of Object.entries(samples))
    for (const { fn } of list as readonly Sample[])
      expect(
        operationsOf(fn.results).some((op) => op.name === name),
        name,
      ).toBe(true);
});

test.each(allSamples)("gradient of %s equals central differences", (_, sample) => {
  const fn = weighted(sample.fn);
  const inputs = randomInputs(fn, sample.given, sample.domain);
  const reverse = reverseMode(fn, inputs, sample.customCalls);
  expect(worst(reverse, finiteDifferences(fn, inputs, sample.customCalls))).toBeLessThan(1e-8);
  expect(reverse.flat().length).toBe(
    fn.params
      .filter((v) => v.type.dtype.includes("float"))
      .reduce((n, v) => n + sizeOf(v.type.shape), 0),
  );
});

test.each(allSamples.filter(([name]) => name !== "maximum 2"))(
  "gradient of the gradient of %s equals central differences",
  (_, sample) => {
    // Not where maximum has a tie: its gradient jumps there.
    const first = weighted(sample.fn);
    const inputs = randomInputs(first, sample.given, sample.domain);
    const options = sample.customCalls ? { customCalls: sample.customCalls } : {};
    const second = weighted(gradientOnly(first, options));
    const reverse = reverseMode(second, inputs, sample.customCalls);
    expect(worst(reverse, finiteDifferences(second, inputs, sample.customCalls))).toBeLessThan(
      1e-7,
    );
  },
);
