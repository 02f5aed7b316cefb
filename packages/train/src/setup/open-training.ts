/** Makes a training run ready: reads the model and the text, compiles the steps, loads the state, opens the logs. */
import { join } from "node:path";
import { OpenTrnError } from "@opentrn/base";
import { type Chip, chipNamed } from "@opentrn/chips";
import {
  configText,
  type ModelConfig,
  parameterCount,
  parseConfig,
  type Tokenizer,
} from "@opentrn/models";
import { CheckpointFolder, latestCheckpoint } from "../checkpoint/checkpoint-folder.ts";
import { type Checkpoint, readCheckpoint } from "../checkpoint/read-checkpoint.ts";
import { sourceFiles } from "../data/source-files.ts";
import { split } from "../data/split.ts";
import { tokenise } from "../data/token-cache.ts";
import { engineNamed } from "../engine/engines.ts";
import { ThreadEngine } from "../engine/thread/thread-engine.ts";
import { tensorboardLog } from "../logs/tensorboard-log.ts";
import { csvLog, jsonLog } from "../logs/text-logs.ts";
import type { TrainPlan, TrainRun } from "../loop/train-loop.ts";
import { costOf } from "../prices/cost.ts";
import { checkSchedule } from "../schedule/learning-rate.ts";
import { checkSameRun } from "../schedule/same-run.ts";
import { checkState } from "./check-state.ts";
import { freshState } from "./fresh-state.ts";
import { findConfig, type LoadedConfig, loadConfig } from "./load-config.ts";
import { tokenizerFor } from "./load-tokenizer.ts";
import { missing, readOptions, settled, type TrainOptions, writeOptions } from "./train-options.ts";

export interface OpenRequest {
  /** What the user said; the rest comes from the run that goes on, or from the defaults. */
  readonly given: Partial<TrainOptions>;
  readonly out: string;
  readonly resume: boolean;
  readonly version: string;
  /** Computes in a thread of its own, so that the caller's stays free. */
  readonly thread?: boolean;
  readonly onProgress?: (what: string) => void;
}

export interface OpenTraining {
  readonly run: TrainRun;
  readonly options: TrainOptions;
  readonly config: ModelConfig;
  readonly chip: Chip;
  readonly tokenizer: Tokenizer;
  readonly parameters: number;
  /** What the user should know: fields that are not read, choices made for them. */
  readonly notes: readonly string[];
  close(): Promise<void>;
}

export async function openTraining(request: OpenRequest): Promise<OpenTraining> {
  const { given, out, resume } = request;
  const say = request.onProgress ?? (() => {});
  const place = join(out, "checkpoints");
  const before = resume ? readCheckpoint(latestCheckpoint(place)) : undefined;
  if (!resume && new CheckpointFolder(place, 1).latest())
    throw new OpenTrnError(
      `--out ${out} already holds a run; go on with it by --resume, or choose another folder`,
      { category: "bad input", rule: "--out" },
    );
  const stored = resume ? readOptions(out) : {};
  const { config, folder } = configOf(given.config, before);
  const options = settled({ ...stored, ...given }, config);
  const chip = chipNamed(options.target);
  checkCores(options, chip);
  checkSupported(options);
  // A price that nobody published is better missed now than at the end.
  costOf({ chip, tokensPerSecond: 1, cores: 1, ...priceOf(options) });
  const schedule = scheduleOf(options);
  checkSchedule(schedule);
  const files = sourceFiles(options.data);
  const tokenizer = tokenizerFor({
    // A run that goes on has its tokenizer in the checkpoint.
    word: before ? (given.tokenizer ?? "auto") : options.tokenizer,
    config,
    files,
    ...(folder === undefined ? {} : { folder }),
  });
  say("reading the text");
  const text = tokenise(files, tokenizer, join(out, "data"), (n) =>
    say(`reading the text: ${n} tokens`),
  );
  const plan = planOf(options, schedule, text.fingerprint, request.version);
  if (before) checkSameRun(before.record.identity, plan.identity);
  const parts = split({
    tokens: text.tokens.length,
    sequence: options.sequence,
    share: heldBack(options),
    required: given.evaluateEvery !== undefined || given.evaluationShare !== undefined,
  });
  const state = before?.state ?? freshState(config, options.seed);
  if (before) checkState(before.path, config, state);
  say("compiling the step");
  const placement = {
    chip,
    cores: options.cores,
    stochasticRounding: options.stochasticRounding,
    fp8: options.fp8,
    seed: options.seed,
  };
  const wanted = engineRequest(options, config);
  const engine = request.thread
    ? await ThreadEngine.of(options.engine, wanted, placement, say)
    : await engineNamed(options.engine).training(wanted, placement, say);
  await engine.load(state);
  writeOptions(out, options);
  const from = before?.record.step;
  const logs = [
    jsonLog(join(out, "log.jsonl"), from),
    csvLog(join(out, "log.csv"), from),
    tensorboardLog(join(out, "tensorboard"), from),
  ];
  const notes = [...config.notes];
  if (options.evaluateEvery > 0 && !parts.evaluation)
    notes.push(
      `the text has ${text.tokens.length} tokens, too few to hold some back: no evaluation`,
    );
  if (before) notes.push(...scheduleNotes(before, plan));
  return {
    run: {
      plan,
      engine,
      tokens: text.tokens,
      split: parts,
      checkpoints: new CheckpointFolder(place, options.keep),
      beside: {
        ...filesOf(tokenizer),
        ...before?.beside,
        "config.json":
          before?.beside["config.json"] ?? new TextEncoder().encode(configText(config)),
      },
      logs,
      ...(before ? { resumed: before.record } : {}),
    },
    options,
    config,
    chip,
    tokenizer,
    parameters: parameterCount(config),
    notes,
    close: async () => {
      await engine.close();
      for (const log of logs) log.close();
      text.tokens.close();
    },
  };
}

/** A run that goes on keeps the model of its checkpoint; naming another one is a mistake. */
function configOf(named: string | undefined, before: Checkpoint | undefined): LoadedConfig {
  const bytes = before?.beside["config.json"];
  if (!before || !bytes) return findConfig(named ?? missing("--config"));
  const config = parseConfig(new TextDecoder().decode(bytes), join(before.path, "config.json"));
  if (named !== undefined && configText(loadConfig(named)) !== configText(config))
    throw new OpenTrnError(
      `--config ${named} is another model than the checkpoint's; leave it out, or start another --out`,
      { category: "bad input", rule: "--config" },
    );
  return { config, folder: before.path };
}

/** What makes a checkpoint a model on its own. */
const filesOf = (tokenizer: Tokenizer): Readonly<Record<string, Uint8Array>> =>
  Object.fromEntries(
    Object.entries(tokenizer.files).map(([name, text]) => [name, new TextEncoder().encode(text)]),
  );

const same = (a: object, b: object): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Every core takes an equal part of the batch, and the chip has them. */
function checkCores({ cores, batch, target }: TrainOptions, chip: Chip): void {
  const stop = (why: string): never => {
    throw new OpenTrnError(`--cores ${cores} ${why}`, { category: "bad input", rule: "--cores" });
  };
  if (cores > chip.cores.value) stop(`is more than the ${chip.cores.value} that ${target} has`);
  if (batch % cores !== 0)
    stop(`does not divide --batch ${batch}; every core takes an equal part of it`);
}

/** Rounding and types that the engine has. */
function checkSupported({ engine, fp8, stochasticRounding }: TrainOptions): void {
  const stop = (rule: string, why: string): never => {
    throw new OpenTrnError(`${rule} ${why}`, { category: "unsupported here", rule });
  };
  engineNamed(engine);
  if (stochasticRounding)
    stop(
      "--stochastic-rounding",
      "is not done by any engine yet; leave it out to round to nearest",
    );
  if (fp8 && engine !== "chip")
    stop("--fp8", `is what the compiler does, not the ${engine}; take --engine chip`);
}

/** Share of the text that is only measured; none where nothing is. */
const heldBack = (o: TrainOptions): number => (o.evaluateEvery === 0 ? 0 : o.evaluationShare);

/** Whose price counts, where the user said. */
export const priceOf = ({ instance, term }: TrainOptions) => ({
  ...(instance === undefined ? {} : { instance }),
  ...(term === undefined ? {} : { term }),
});

const scheduleOf = (o: TrainOptions) => ({
  steps: o.steps,
  learningRate: o.learningRate,
  minimum: o.minimum,
  warmup: o.warmup,
});

function planOf(
  o: TrainOptions,
  schedule: TrainPlan["schedule"],
  data: string,
  version: string,
): TrainPlan {
  return {
    identity: {
      shape: { batch: o.batch, sequence: o.sequence, accumulate: o.accumulate },
      seed: o.seed,
      cores: o.cores,
      engine: o.engine,
      computeDtype: o.computeDtype,
      stochasticRounding: o.stochasticRounding,
      fp8: o.fp8,
      data,
      evaluationShare: heldBack(o),
    },
    schedule,
    optimizer: optimizerOf(o),
    evaluateEvery: o.evaluateEvery,
    evaluationBatches: o.evaluationBatches,
    saveEvery: o.saveEvery,
    version,
  };
}

const optimizerOf = (o: TrainOptions) => ({
  beta1: o.beta1,
  beta2: o.beta2,
  epsilon: 1e-8,
  weightDecay: o.weightDecay,
  clip: o.clip,
});

const engineRequest = (o: TrainOptions, config: ModelConfig) => ({
  config,
  shape: { batch: o.batch, sequence: o.sequence, accumulate: o.accumulate },
  computeDtype: o.computeDtype,
  optimizer: optimizerOf(o),
  ...(o.clip > 0 ? { clip: o.clip } : {}),
});

/** Changes that a resumed run may make, and that make it another run than one without a stop. */
function scheduleNotes({ record }: Checkpoint, plan: TrainPlan): string[] {
  const changed = [
    ...(same(record.schedule, plan.schedule) ? [] : ["the schedule"]),
    ...(same(record.optimizer, plan.optimizer) ? [] : ["the optimizer"]),
  ];
  return changed.map(
    (what) => `${what} differs from the checkpoint's: this is no longer the run that was stopped`,
  );
}
