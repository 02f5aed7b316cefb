/** AdamW against a plain loop in double precision, clipping, decay, and the whole step in one function. */
import { print } from "@opentrn/ir";
import { expect, test } from "vitest";
import { initialise } from "../parameters/initialise.ts";
import { parameterSpecs } from "../parameters/specs.ts";
import { lively, randomTokens, run, small, tables, worst } from "../testing.ts";
import { gradientName, labelWeight, lossAndGradients } from "./loss-and-gradients.ts";
import { trainStep } from "./train-step.ts";
import { type AdamW, adamScalars, update } from "./update.ts";

const config = small("llama, grouped, tied");
const specs = parameterSpecs(config);
const optimizer: AdamW = { beta1: 0.8, beta2: 0.9, epsilon: 1e-6, weightDecay: 0.3 };
const prefixed = (prefix: string, x: Readonly<Record<string, Float32Array>>) =>
  Object.fromEntries(Object.entries(x).map(([name, v]) => [prefix + name, v]));
const [parameters, gradients, m, second] = [1, 2, 3, 4].map((seed) => initialise(config, seed));
const v = Object.fromEntries(Object.entries(second!).map(([n, x]) => [n, x.map((y) => y * y)]));

const scalars = { lr: 0.01, m_correction: 1.5, v_correction: 2.5 };
const given = {
  ...parameters!,
  ...prefixed("m.", m!),
  ...prefixed("v.", v),
  ...prefixed("gradient.", gradients!),
  loss: [3],
  ...Object.fromEntries(Object.entries(scalars).map(([n, x]) => [n, [x]])),
};

test.each([
  ["clipped", 0.5],
  ["below the clip", 1e9],
  ["not clipped", undefined],
])("AdamW, %s", (_, clip) => {
  const options = { optimizer, ...(clip === undefined ? {} : { clip }) };
  const found = run(update(config, options), given, "float64");
  const all = Object.values(gradients!).flatMap((g) => Array.from(g));
  const norm = Math.sqrt(all.reduce((s, g) => s + g * g, 0));
  expect(found["gradient_norm"]![0]).toBeCloseTo(norm, 9);
  expect(found["loss"]![0]).toBe(3);
  const scale = clip === undefined ? 1 : Math.min(1, clip / (norm + 1e-6));
  // Constants and scalars are fp32 numbers.
  const f = Math.fround;
  const { beta1, beta2, epsilon, weightDecay } = optimizer;
  for (const { name, decays } of specs) {
    const expected = Array.from(parameters![name]!, (p, i) => {
      const g = gradients![name]![i]! * scale;
      const nextM = f(beta1) * m![name]![i]! + f(1 - beta1) * g;
      const nextV = f(beta2) * v[name]![i]! + f(1 - beta2) * g * g;
      const change =
        (nextM * scalars.m_correction) / (Math.sqrt(nextV * scalars.v_correction) + f(epsilon));
      return [p - scalars.lr * (change + (decays ? f(weightDecay) * p : 0)), nextM, nextV];
    });
    ["", "m.", "v."].forEach((prefix, k) => {
      const column = expected.map((row) => row[k]!);
      // 0.5 / 1e9 and 1e-6 are rounded to fp32 in the program.
      expect(worst(found[prefix + name]!, column), prefix + name).toBeLessThan(1e-7);
    });
  }
});

test("corrections of the first step undo the start at zero", () => {
  expect(adamScalars(optimizer, 1, 0.5)).toEqual({
    lr: 0.5,
    m_correction: 1 / (1 - 0.8),
    v_correction: 1 / (1 - 0.9),
  });
});

test("only matrices decay", () => {
  expect(specs.filter((s) => s.decays).every((s) => s.shape.length === 2)).toBe(true);
  expect(specs.filter((s) => !s.decays).every((s) => s.shape.length === 1)).toBe(true);
});

test("a step in one function is gradients and then the update", () => {
  const [batch, seq] = [2, 3];
  const model = lively(config);
  const labels = randomTokens(config, batch * seq, 8);
  const batchInputs = {
    ...tables(config, seq),
    tokens: randomTokens(config, batch * seq),
    labels,
    label_weight: [labelWeight(labels)],
  };
  const shape = { batch, seq, computeDtype: "bfloat16" } as const;
  const state = { ...prefixed("m.", m!), ...prefixed("v.", v) };
  const rates = Object.fromEntries(Object.entries(scalars).map(([n, x]) => [n, [x]]));
  const options = { optimizer, clip: 0.5 };
  const derived = run(lossAndGradients(config, shape), { ...model, ...batchInputs });
  const apart = run(update(config, options), { ...model, ...state, ...rates, ...derived });
  const whole = trainStep(config, { ...shape, ...options });
  expect(run(whole, { ...model, ...state, ...batchInputs, ...rates })).toEqual(apart);
  expect(print(whole.fn)).not.toContain("all_reduce");
  const shared = trainStep(config, { ...shape, ...options, replicas: 2 });
  expect(run(shared, { ...model, ...state, ...batchInputs, ...rates })).toEqual(apart);
  const [reduce] = shared.fn.body.filter((op) => op.attrs["call_target_name"] === "all_reduce");
  expect(reduce!.operands).toHaveLength(specs.length + 1);
  expect(gradientName("x")).toBe("gradient.x");
});
