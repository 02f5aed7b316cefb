import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readCheckpoint } from "../checkpoint/read-checkpoint.ts";
import type { StepRecord } from "../logs/step-record.ts";
import { BigramEngine, bigramRun, plan, scratch } from "../testing.ts";
import { type TrainHooks, type TrainRun, trainLoop } from "./train-loop.ts";

const { at } = scratch(afterAll);
const folder = (name: string): string => {
  mkdirSync(at(name));
  return at(name);
};
/** Every file of a folder as hex. */
const contents = (path: string): Record<string, string> =>
  Object.fromEntries(readdirSync(path).map((f) => [f, readFileSync(join(path, f), "hex")]));
const records = (): { readonly seen: StepRecord[]; readonly hooks: TrainHooks } => {
  const seen: StepRecord[] = [];
  return { seen, hooks: { onStep: (r) => seen.push(r) } };
};

async function resumed(run: TrainRun): Promise<TrainRun> {
  const { state, record } = readCheckpoint(run.checkpoints.latest()!);
  await run.engine.load(state);
  return { ...run, resumed: record };
}

test("the loss falls, evaluations and checkpoints come when they are due", async () => {
  const saved: number[] = [];
  const { seen, hooks } = records();
  const run = bigramRun(folder("falls"));
  const long = { ...plan, schedule: { ...plan.schedule, steps: 30 }, saveEvery: 12 };
  const result = await trainLoop(
    { ...run, plan: long },
    { ...hooks, onCheckpoint: (_, s) => saved.push(s) },
  );
  expect(seen.map((r) => r.step)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
  expect(seen[0]!.loss).toBeCloseTo(Math.log(256), 5);
  expect(result.loss).toBeLessThan(3);
  expect(seen.filter((r) => r.evaluationLoss !== undefined).map((r) => r.step)).toEqual(
    Array.from({ length: 15 }, (_, i) => 2 * i + 2),
  );
  expect(saved).toEqual([0, 12, 24, 30]);
  expect(result).toMatchObject({ ended: "done", step: 30, tokens: 30 * 32, stepsHere: 30 });
  expect(result.evaluationLoss).toBeLessThan(3);
});

test("two micro-batches are one batch of twice the rows", async () => {
  const run = bigramRun(folder("accumulated"));
  await trainLoop(run);
  const whole = bigramRun(folder("whole"));
  const shape = { batch: 4, sequence: 8, accumulate: 1 };
  await trainLoop({ ...whole, plan: { ...plan, identity: { ...plan.identity, shape } } });
  const [a, b] = await Promise.all([run.engine.state(), whole.engine.state()]);
  const [x, y] = [a, b].map((s) => s.parameters["table"]!.data);
  expect(Math.max(...x!.map((v, i) => Math.abs(v - y![i]!)))).toBeLessThan(1e-6);
});

test("a run that stops and goes on gives the same bytes as one that does not", async () => {
  const whole = bigramRun(folder("one"));
  const straight = await trainLoop(whole);
  const place = folder("two");
  let steps = 0;
  const first = bigramRun(place);
  const stopped = await trainLoop(first, {
    onStep: () => steps++,
    stopRequested: () => steps === 3,
  });
  expect(stopped).toMatchObject({ ended: "stopped", step: 3 });
  // The process is gone; so is everything in memory.
  const { seen, hooks } = records();
  const second = await trainLoop(await resumed(bigramRun(place)), hooks);
  expect(second).toMatchObject({ ended: "done", step: 6, stepsHere: 3 });
  expect(seen.map((r) => r.step)).toEqual([4, 5, 6]);
  expect(contents(second.checkpoint!)).toEqual(contents(straight.checkpoint!));
});

test("a finished run that goes on does nothing", async () => {
  const place = folder("finished");
  await trainLoop(bigramRun(place));
  const again = await trainLoop(await resumed(bigramRun(place)));
  expect(again).toMatchObject({ ended: "done", step: 6, stepsHere: 0 });
  expect(again.loss).toBeGreaterThan(0);
});

for (const value of [Number.NaN, Number.POSITIVE_INFINITY])
  test(`a loss of ${value} ends the run with the step and the tensor; the checkpoint stays`, async () => {
    const place = folder(`bad-${value}`);
    const run = bigramRun(place, { engine: new BigramEngine({ step: 3, value }) });
    const { seen, hooks } = records();
    const result = await trainLoop(run, hooks);
    expect(result).toMatchObject({
      ended: "bad",
      step: 3,
      bad: { step: 4, loss: value, tensor: "table" },
    });
    expect(seen.at(-1)!.step).toBe(3);
    expect(readCheckpoint(run.checkpoints.latest()!).record.step).toBe(2);
    expect(result.checkpoint).toBe(run.checkpoints.latest());
  });

test("a disk that is full stops the run at the first checkpoint, before any step", async () => {
  const run = bigramRun(folder("full"));
  const { seen, hooks } = records();
  const full = Object.assign(run.checkpoints, {
    write: () => {
      throw Object.assign(new Error(), { code: "ENOSPC" });
    },
  });
  await expect(trainLoop({ ...run, checkpoints: full }, hooks)).rejects.toThrow(/disk is full/);
  expect(seen).toEqual([]);
});
