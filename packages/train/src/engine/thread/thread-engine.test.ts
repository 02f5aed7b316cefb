/** An engine in a thread, loaded from the built package: the same results, errors as they are, no one left waiting. */
import { chipNamed } from "@opentrn/chips";
import { afterAll, expect, test } from "vitest";
import { freshState } from "../../setup/fresh-state.ts";
import { tinyConfig } from "../../testing.ts";
import { InterpreterEngine } from "../interpreter-engine.ts";
import type { Batch } from "../step-engine.ts";
import { ThreadEngine } from "./thread-engine.ts";

const config = tinyConfig();
const request = {
  config,
  shape: { batch: 1, sequence: 8, accumulate: 1 },
  computeDtype: "float32" as const,
  optimizer: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 },
  clip: 1,
};
const placement = {
  chip: chipNamed("trn2"),
  cores: 1,
  stochasticRounding: false,
  fp8: false,
  seed: 0,
};
const batch: Batch = {
  tokens: Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8),
  labels: Int32Array.of(2, 3, 4, 5, 6, 7, 8, 9),
};
const engines: ThreadEngine[] = [];
const started = async (): Promise<ThreadEngine> => {
  const engine = await ThreadEngine.of("interpreter", request, placement);
  engines.push(engine);
  return engine;
};
afterAll(() => Promise.all(engines.map((e) => e.close())));

test("steps, evaluations and state are those of the engine itself", async () => {
  const there = await started();
  const here = new InterpreterEngine(request);
  for (const e of [there, here]) await e.load(freshState(config, 1));
  const scalars = { step: 0, learningRate: 0.01 };
  expect(await there.step([batch], scalars)).toEqual(await here.step([batch], scalars));
  expect(await there.evaluate(batch)).toBe(await here.evaluate(batch));
  expect(await there.state()).toEqual(await here.state());
  expect(there.predicted).toBeUndefined();
});

test("an error keeps its category and rule", async () => {
  const long = { ...request, shape: { ...request.shape, sequence: 65 } };
  await expect(ThreadEngine.of("interpreter", long, placement)).rejects.toMatchObject({
    category: "bad input",
    rule: "positions",
  });
});

test("closing ends what is under way, and what comes after", async () => {
  const engine = await started();
  await engine.load(freshState(config, 1));
  const step = engine.step([batch], { step: 0, learningRate: 0.01 });
  const closed = engine.close();
  await expect(step).rejects.toThrow(/thread ended while it was still needed: it was closed/);
  await closed;
  await expect(engine.state()).rejects.toThrow(/it was closed/);
});
