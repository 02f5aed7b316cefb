/** The training loop: batches in, steps of an engine, evaluations, logs and checkpoints. It ends at the last step or when asked to. */
import { setImmediate } from "node:timers/promises";
import type { CheckpointFolder } from "../checkpoint/checkpoint-folder.ts";
import {
  CHECKPOINT_VERSION,
  type CheckpointRecord,
  type RunIdentity,
} from "../checkpoint/record.ts";
import type { Split } from "../data/split.ts";
import type { TokenFile } from "../data/token-file.ts";
import { evaluationBatches, TrainingBatches } from "../data/windows.ts";
import type { StepEngine } from "../engine/step-engine.ts";
import type { RunLog, StepRecord } from "../logs/step-record.ts";
import { learningRate, type Schedule } from "../schedule/learning-rate.ts";
import type { Optimizer } from "../schedule/optimizer.ts";

export interface TrainPlan {
  readonly identity: RunIdentity;
  readonly schedule: Schedule;
  readonly optimizer: Optimizer;
  /** Steps between evaluations; 0: none. The last step is evaluated as well. */
  readonly evaluateEvery: number;
  /** Batches of an evaluation, at most. */
  readonly evaluationBatches: number;
  /** Steps between checkpoints. The last step is saved as well. */
  readonly saveEvery: number;
  readonly version: string;
}

export interface TrainRun {
  readonly plan: TrainPlan;
  /** Loaded with the state that training starts from. */
  readonly engine: StepEngine;
  readonly tokens: TokenFile;
  readonly split: Split;
  readonly checkpoints: CheckpointFolder;
  /** Files that go into every checkpoint: config.json, the tokenizer's. */
  readonly beside: Readonly<Record<string, Uint8Array>>;
  readonly logs: readonly RunLog[];
  /** The checkpoint that the run goes on from. */
  readonly resumed?: CheckpointRecord;
}

export interface TrainHooks {
  readonly onStep?: (record: StepRecord) => void;
  readonly onCheckpoint?: (path: string, step: number) => void;
  /** Asked after every step; true: save and end. */
  readonly stopRequested?: () => boolean;
}

/** A step whose loss or gradients are not finite. */
export interface BadStep {
  /** The step that would have been done, from 1. */
  readonly step: number;
  readonly loss: number;
  readonly gradNorm: number;
  readonly tensor: string;
}

export interface TrainResult {
  /** Steps done over all runs, and by this one. */
  readonly step: number;
  readonly stepsHere: number;
  readonly tokens: number;
  readonly tokensHere: number;
  readonly firstLoss?: number;
  readonly loss?: number;
  readonly evaluationLoss?: number;
  readonly checkpoint?: string;
  readonly ended: "done" | "stopped" | "bad";
  readonly bad?: BadStep;
  /** Time in steps, without evaluations and checkpoints. */
  readonly stepMs: number;
}

/** Runs to the end of the schedule. A checkpoint of the start shows early whether the disk takes one. */
export async function trainLoop(run: TrainRun, hooks: TrainHooks = {}): Promise<TrainResult> {
  const loop = new Loop(run, hooks);
  return await loop.run();
}

/** Mean loss of the engine's state over the text held back; undefined where none is. */
export async function heldBackLoss(run: TrainRun): Promise<number | undefined> {
  const { plan, split, tokens, engine } = run;
  if (!split.evaluation) return undefined;
  const { shape } = plan.identity;
  let sum = 0;
  let batches = 0;
  for (const batch of evaluationBatches(tokens, split.evaluation, shape, plan.evaluationBatches)) {
    sum += await engine.evaluate(batch);
    batches++;
    await setImmediate();
  }
  return sum / batches;
}

class Loop {
  private step: number;
  private tokens: number;
  private loss: number | undefined;
  private firstLoss: number | undefined;
  private evaluationLoss: number | undefined;
  private checkpoint: string | undefined;
  private stepMs = 0;
  private readonly from: { readonly step: number; readonly tokens: number };
  private readonly batches: TrainingBatches;
  private readonly r: TrainRun;
  private readonly hooks: TrainHooks;

  constructor(run: TrainRun, hooks: TrainHooks) {
    this.r = run;
    this.hooks = hooks;
    const { resumed, plan } = run;
    this.step = resumed?.step ?? 0;
    this.tokens = resumed?.tokens ?? 0;
    this.from = { step: this.step, tokens: this.tokens };
    this.loss = resumed?.loss ?? undefined;
    this.evaluationLoss = resumed?.evaluationLoss ?? undefined;
    const { shape, seed } = plan.identity;
    this.batches = new TrainingBatches(run.tokens, run.split.train, shape, seed, resumed?.position);
  }

  async run(): Promise<TrainResult> {
    const { schedule, saveEvery } = this.r.plan;
    if (this.step === 0) await this.save();
    else this.checkpoint = this.r.checkpoints.latest();
    while (this.step < schedule.steps) {
      const bad = await this.one();
      if (bad) return this.result("bad", bad);
      // Signals are delivered only when the event loop turns.
      await setImmediate();
      const stop = this.step < schedule.steps && this.hooks.stopRequested?.() === true;
      if (stop || this.step === schedule.steps || this.step % saveEvery === 0) await this.save();
      if (stop) return this.result("stopped");
    }
    return this.result("done");
  }

  private async one(): Promise<BadStep | undefined> {
    const { plan, engine, logs } = this.r;
    const { shape } = plan.identity;
    const rate = learningRate(plan.schedule, this.step);
    const batches = Array.from({ length: shape.accumulate }, () => this.batches.next());
    const started = performance.now();
    const { loss, gradNorm, firstBad } = await engine.step(batches, {
      step: this.step,
      learningRate: rate,
    });
    const hostMs = performance.now() - started;
    if (!Number.isFinite(loss) || !Number.isFinite(gradNorm))
      return { step: this.step + 1, loss, gradNorm, tensor: firstBad ?? "unknown" };
    const trained = shape.batch * shape.sequence * shape.accumulate;
    this.step++;
    this.tokens += trained;
    this.loss = loss;
    this.firstLoss ??= loss;
    this.stepMs += hostMs;
    const evaluated = await this.evaluate();
    const record: StepRecord = {
      step: this.step,
      epoch: this.batches.position.epoch + this.batches.position.window / this.batches.windows,
      tokens: this.tokens,
      loss,
      gradNorm,
      learningRate: rate,
      ...(evaluated === undefined ? {} : { evaluationLoss: evaluated }),
      hostMs,
      hostTokensPerSecond: (trained / hostMs) * 1000,
      ...(engine.predicted ? { chipMs: engine.predicted.stepNs / 1e6 } : {}),
    };
    for (const log of logs) log.add(record);
    this.hooks.onStep?.(record);
    return undefined;
  }

  /** Mean loss over the text held back, when it is time. */
  private async evaluate(): Promise<number | undefined> {
    const { plan } = this.r;
    const due =
      plan.evaluateEvery > 0 &&
      (this.step % plan.evaluateEvery === 0 || this.step === plan.schedule.steps);
    const loss = due ? await heldBackLoss(this.r) : undefined;
    this.evaluationLoss = loss ?? this.evaluationLoss;
    return loss;
  }

  private async save(): Promise<void> {
    const { plan, engine, checkpoints, beside } = this.r;
    if (checkpoints.has(this.step)) return;
    this.checkpoint = checkpoints.save({
      record: {
        format: "opentrn-checkpoint",
        version: CHECKPOINT_VERSION,
        step: this.step,
        tokens: this.tokens,
        position: this.batches.position,
        identity: plan.identity,
        schedule: plan.schedule,
        optimizer: plan.optimizer,
        loss: this.loss ?? null,
        evaluationLoss: this.evaluationLoss ?? null,
        versions: { opentrn: plan.version },
      },
      state: await engine.state(),
      beside,
    });
    this.hooks.onCheckpoint?.(this.checkpoint, this.step);
  }

  private result(ended: TrainResult["ended"], bad?: BadStep): TrainResult {
    return {
      step: this.step,
      stepsHere: this.step - this.from.step,
      tokens: this.tokens,
      tokensHere: this.tokens - this.from.tokens,
      ...(this.firstLoss === undefined ? {} : { firstLoss: this.firstLoss }),
      ...(this.loss === undefined ? {} : { loss: this.loss }),
      ...(this.evaluationLoss === undefined ? {} : { evaluationLoss: this.evaluationLoss }),
      ...(this.checkpoint === undefined ? {} : { checkpoint: this.checkpoint }),
      ended,
      ...(bad ? { bad } : {}),
      stepMs: this.stepMs,
    };
  }
}
