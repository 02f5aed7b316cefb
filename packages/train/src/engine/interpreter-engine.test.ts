import { byteTokenizer, parameterCount } from "@opentrn/models";
import { expect, test } from "vitest";
import { generate } from "../generate/generate.ts";
import { freshState } from "../setup/fresh-state.ts";
import { tinyConfig } from "../testing.ts";
import { InterpreterDecoder } from "./interpreter-decoder.ts";
import { InterpreterEngine } from "./interpreter-engine.ts";
import type { Batch } from "./step-engine.ts";

const config = tinyConfig();
const optimizer = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 };
const request = (batch: number, accumulate: number, computeDtype: "float32" | "bfloat16") => ({
  config,
  shape: { batch, sequence: 8, accumulate },
  computeDtype,
  optimizer,
  clip: 1,
});
const text = new TextEncoder().encode("abababababababababab");
const rows = (from: number, n: number): Batch => ({
  tokens: Int32Array.from({ length: 8 * n }, (_, i) => text[from + (i % 8) + (i >> 3)]!),
  labels: Int32Array.from({ length: 8 * n }, (_, i) => text[from + (i % 8) + (i >> 3) + 1]!),
});

test("a tiny model learns a pattern in bf16, and then continues it", async () => {
  expect(parameterCount(config)).toBeLessThan(20_000);
  const engine = new InterpreterEngine(request(2, 1, "bfloat16"));
  await engine.load(freshState(config, 1));
  const losses: number[] = [];
  for (let step = 0; step < 30; step++) {
    const { loss } = await engine.step([rows(step % 2, 2)], { step, learningRate: 0.02 });
    losses.push(loss);
  }
  expect(losses[0]).toBeGreaterThan(5);
  expect(losses.at(-1)).toBeLessThan(0.1);
  const { parameters } = await engine.state();
  const decoder = new InterpreterDecoder({
    config,
    parameters: Object.fromEntries(Object.entries(parameters).map(([n, t]) => [n, t.data])),
    computeDtype: "bfloat16",
    context: 12,
  });
  const sampling = { temperature: 0, topK: 0, topP: 1, seed: 0 };
  const made = await generate({
    engine: decoder,
    tokenizer: byteTokenizer,
    prompt: "aba",
    maxNewTokens: 6,
    sampling,
  });
  expect(made.text).toBe("bababa");
});

test("micro-batches accumulate to the whole batch; evaluation is the loss of the same state", async () => {
  const state = freshState(config, 2);
  const whole = new InterpreterEngine(request(2, 1, "float32"));
  const parts = new InterpreterEngine(request(1, 2, "float32"));
  for (const e of [whole, parts]) await e.load(state);
  const both = rows(0, 2);
  const before = await whole.evaluate(both);
  const one = await whole.step([both], { step: 0, learningRate: 0.01 });
  const two = await parts.step([rows(0, 1), rows(1, 1)], { step: 0, learningRate: 0.01 });
  expect(before).toBe(one.loss);
  expect(two.loss).toBeCloseTo(one.loss, 5);
  expect(two.gradNorm).toBeCloseTo(one.gradNorm, 4);
  const [a, b] = [await whole.state(), await parts.state()];
  for (const [name, { data }] of Object.entries(a.optimizer))
    if (name.startsWith("m."))
      data.forEach((x, i) => {
        expect(b.optimizer[name]!.data[i]).toBeCloseTo(x, 5);
      });
});

test("a bad value is named and leaves the state as it was", async () => {
  const engine = new InterpreterEngine(request(1, 1, "float32"));
  const state = freshState(config, 3);
  const name = "model.layers.0.mlp.up_proj.weight";
  state.parameters[name]!.data[5] = Number.NaN;
  await engine.load(state);
  const bad = await engine.step([rows(0, 1)], { step: 0, learningRate: 0.01 });
  expect([bad.loss, bad.firstBad]).toEqual([Number.NaN, name]);
  const kept = (await engine.state()).parameters["model.norm.weight"]!.data;
  expect(kept.every((x) => x === 1)).toBe(true);
});

test("a value that overflows on the way is named by the parameter next to it", async () => {
  const engine = new InterpreterEngine(request(1, 1, "float32"));
  const state = freshState(config, 3);
  state.parameters["model.layers.0.mlp.down_proj.weight"]!.data.fill(3e38);
  state.parameters["model.layers.0.mlp.up_proj.weight"]!.data.fill(1e10);
  await engine.load(state);
  const bad = await engine.step([rows(0, 1)], { step: 0, learningRate: 0.01 });
  expect(Number.isFinite(bad.loss)).toBe(false);
  expect(bad.firstBad).toBe(
    "dot_general of tensor<8x16xf32> next to model.layers.0.mlp.down_proj.weight",
  );
});
