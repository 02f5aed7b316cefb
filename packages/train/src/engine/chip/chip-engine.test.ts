/** The chip against the interpreter: the same model, batches and state. */
import { chipNamed } from "@opentrn/chips";
import { beforeAll, describe, expect, test } from "vitest";
import { freshState } from "../../setup/fresh-state.ts";
import { tinyConfig } from "../../testing.ts";
import { InterpreterEngine } from "../interpreter-engine.ts";
import type { Batch, StepEngine } from "../step-engine.ts";
import { ChipTraining } from "./chip-training.ts";

const config = tinyConfig();
const optimizer = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 };
const request = (batch: number, accumulate: number) => ({
  config,
  shape: { batch, sequence: 8, accumulate },
  computeDtype: "bfloat16" as const,
  optimizer,
  clip: 1,
});
const place = (cores: number) => ({
  chip: chipNamed("trn2"),
  cores,
  stochasticRounding: false,
  fp8: false,
  seed: 0,
});
const text = new TextEncoder().encode("the cat sat on the mat and the dog sat on the log");
const rows = (from: number, n: number): Batch => ({
  tokens: Int32Array.from({ length: 8 * n }, (_, i) => text[from + (i % 8) + 3 * (i >> 3)]!),
  labels: Int32Array.from({ length: 8 * n }, (_, i) => text[from + (i % 8) + 3 * (i >> 3) + 1]!),
});

async function losses(engine: StepEngine, batches: (step: number) => readonly Batch[], steps = 5) {
  await engine.load(freshState(config, 1));
  const seen: number[] = [];
  for (let step = 0; step < steps; step++)
    seen.push((await engine.step(batches(step), { step, learningRate: 0.01 })).loss);
  return seen;
}
const far = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...a.map((x, i) => Math.abs(x - b[i]!) / b[i]!));

describe("one core", () => {
  let chip: ChipTraining;
  beforeAll(async () => {
    chip = await ChipTraining.of(request(2, 1), place(1));
  }, 60_000);

  test("the loss falls as the interpreter's does, within bf16's rounding", async () => {
    const batches = (step: number) => [rows(step % 3, 2)];
    const own = await losses(chip, batches, 8);
    const reference = await losses(new InterpreterEngine(request(2, 1)), batches, 8);
    expect(own.at(-1)).toBeLessThan(own[0]! - 1);
    expect(far(own, reference)).toBeLessThan(0.01);
  });

  test("state goes out and in without a change; the same steps give the same bytes", async () => {
    const batch = [rows(1, 2)];
    const before = await chip.state();
    const one = await chip.step(batch, { step: 8, learningRate: 0.01 });
    const after = await chip.state();
    await chip.load(before);
    expect(await chip.state()).toEqual(before);
    const two = await chip.step(batch, { step: 8, learningRate: 0.01 });
    expect(two).toEqual(one);
    expect(await chip.state()).toEqual(after);
  });

  test("evaluation is the loss of the state as it is", async () => {
    const batch = rows(2, 2);
    const before = await chip.evaluate(batch);
    const { loss } = await chip.step([batch], { step: 9, learningRate: 0.01 });
    expect(before).toBeCloseTo(loss, 3);
    expect(await chip.evaluate(batch)).not.toBe(before);
  });

  test("a bad value is named and leaves the state as it was", async () => {
    const state = freshState(config, 1);
    const name = "model.layers.0.mlp.up_proj.weight";
    state.parameters[name]!.data[5] = Number.NaN;
    await chip.load(state);
    const bad = await chip.step([rows(0, 2)], { step: 0, learningRate: 0.01 });
    expect([Number.isFinite(bad.loss), bad.firstBad]).toEqual([false, name]);
    expect((await chip.state()).parameters["model.norm.weight"]!.data.every((x) => x === 1)).toBe(
      true,
    );
  });

  test("a value that overflows on the way is named by the parameter next to it", async () => {
    const state = freshState(config, 1);
    state.parameters["model.layers.0.mlp.down_proj.weight"]!.data.fill(3e38);
    state.parameters["model.layers.0.mlp.up_proj.weight"]!.data.fill(1e10);
    await chip.load(state);
    const { firstBad } = await chip.step([rows(0, 2)], { step: 0, learningRate: 0.01 });
    expect(firstBad).toMatch(
      /matmul .* giving tensor<16x16x.*> next to .*model.layers.0.mlp.down_proj.weight/,
    );
  });

  test("predicts time, tokens a second and MFU", () => {
    const { stepNs, low, high, tokensPerSecond, mfu, cores } = chip.predicted;
    expect(stepNs).toBeGreaterThan(1e4);
    expect(tokensPerSecond).toBeCloseTo((16 * 1e9) / stepNs, 6);
    expect(mfu).toBeGreaterThan(0);
    expect(mfu).toBeLessThan(1);
    expect(cores).toBe(1);
    expect(low).toBeLessThan(stepNs);
    expect(high).toBeGreaterThan(stepNs);
  });
});

test("what does not fit the chip's memory is refused with the tensors and a way out", async () => {
  const chip = chipNamed("trn2");
  const small = { ...chip, hbm: { ...chip.hbm, bytes: { ...chip.hbm.bytes, value: 1e5 } } };
  const said: string[] = [];
  const opening = ChipTraining.of(request(2, 1), { ...place(1), chip: small }, (s) => said.push(s));
  await expect(opening).rejects.toThrow(
    /train_step needs .* GiB of HBM .* largest of .* tensors alive then: .* smaller --batch/,
  );
  expect(said.at(-1)).toMatch(/^compiling train_step: (\d+) of \1 modules$/);
}, 60_000);

test("products in fp8 train, a little differently", async () => {
  const batches = (step: number) => [rows(step % 3, 2)];
  const narrow = await ChipTraining.of(request(2, 1), { ...place(1), fp8: true });
  const own = await losses(narrow, batches, 4);
  const reference = await losses(new InterpreterEngine(request(2, 1)), batches, 4);
  expect(far(own, reference)).toBeLessThan(0.05);
  expect(far(own, reference)).toBeGreaterThan(1e-4);
}, 60_000);

test("two cores and two micro-batches sum to one batch", async () => {
  const parts = await ChipTraining.of(request(2, 2), place(2));
  const own = await losses(parts, (s) => [rows(s, 2), rows(s + 6, 2)]);
  const whole = new InterpreterEngine(request(4, 1));
  const reference = await losses(whole, (s) => [rows(s, 4)]);
  expect(far(own, reference)).toBeLessThan(0.01);
  expect(parts.predicted).toMatchObject({ cores: 2 });
  expect(parts.predicted.tokensPerSecond).toBeCloseTo(32e9 / parts.predicted.stepNs, 6);
  await parts.close();
}, 60_000);
