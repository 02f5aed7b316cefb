/** Everything a training run can be told, what it takes when it is not told, and how a resumed run remembers. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { OpenTrnError } from "@opentrn/base";
import { type ComputeType, defaultAdamW, type ModelConfig } from "@opentrn/models";
import { writeFileAtomic } from "@opentrn/runtime";
import type { EngineName } from "../engine/engines.ts";
import type { PriceTerm } from "../prices/price.ts";

export interface TrainOptions {
  /** Name of a preset, or a `config.json`. */
  readonly config: string;
  /** Text files and folders of them. */
  readonly data: readonly string[];
  /** `bytes`, or a `tokenizer.json`, or the folder of one. */
  readonly tokenizer: string;
  /** Chip. */
  readonly target: string;
  readonly cores: number;
  readonly engine: EngineName;
  readonly computeDtype: ComputeType;
  readonly stochasticRounding: boolean;
  /** Products of 16-bit operands in fp8. */
  readonly fp8: boolean;
  readonly steps: number;
  /** Sequences of a micro-batch, over all cores. */
  readonly batch: number;
  /** Tokens of a sequence. */
  readonly sequence: number;
  readonly accumulate: number;
  readonly learningRate: number;
  readonly minimum: number;
  readonly warmup: number;
  readonly weightDecay: number;
  readonly beta1: number;
  readonly beta2: number;
  /** Largest norm of the gradients; 0: any. */
  readonly clip: number;
  /** Steps between evaluations; 0: none. */
  readonly evaluateEvery: number;
  readonly evaluationBatches: number;
  readonly evaluationShare: number;
  readonly saveEvery: number;
  readonly keep: number;
  readonly seed: number;
  /** Machine whose price counts; the smallest one with a price when absent. */
  readonly instance?: string;
  readonly term?: PriceTerm;
}

/** What is decided before the model is known. */
export const defaults = {
  tokenizer: "auto",
  target: "trn2",
  cores: 1,
  engine: "chip",
  computeDtype: "bfloat16",
  stochasticRounding: false,
  fp8: false,
  steps: 100,
  batch: 8,
  accumulate: 1,
  learningRate: 1e-3,
  weightDecay: defaultAdamW.weightDecay,
  beta1: defaultAdamW.beta1,
  beta2: defaultAdamW.beta2,
  clip: 1,
  evaluationBatches: 8,
  evaluationShare: 0.1,
  keep: 3,
  seed: 0,
} as const satisfies Partial<TrainOptions>;

/** Longest sequence unless told otherwise; shorter where the model's positions end before. */
const SEQUENCE = 256;

/** Fills in what was not given, from what was and the model. Stops with `bad input` where --config or --data is missing. */
export function settled(given: Partial<TrainOptions>, config: ModelConfig): TrainOptions {
  const all = { ...defaults, ...given };
  const tenth = Math.max(1, Math.floor(all.steps / 10));
  return {
    sequence: Math.min(SEQUENCE, config.positions),
    minimum: all.learningRate / 10,
    warmup: Math.min(100, Math.floor(all.steps / 10)),
    evaluateEvery: tenth,
    saveEvery: Math.max(1, Math.floor(all.steps / 5)),
    ...all,
    // A resumed run has its model from the checkpoint.
    config: all.config ?? "",
    data: all.data ?? missing("--data"),
  };
}

const ways = {
  "--config": "name a preset or a config.json",
  "--data": "name text files or a folder of them",
} as const;

/** Stops where an option that has no default was left out. */
export function missing(option: keyof typeof ways): never {
  throw new OpenTrnError(`${option} is missing; ${ways[option]}`, {
    category: "bad input",
    rule: option,
  });
}

const OPTIONS_FILE = "run.json";

/** Remembers how a run was started, beside its checkpoints. */
export function writeOptions(out: string, options: TrainOptions): void {
  writeFileAtomic(join(out, OPTIONS_FILE), `${JSON.stringify(options, null, 1)}\n`);
}

/** How the run in that folder was started; nothing where the file is missing. */
export function readOptions(out: string): Partial<TrainOptions> {
  const path = join(out, OPTIONS_FILE);
  if (!existsSync(path)) return {};
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Partial<TrainOptions>;
  } catch (e) {
    throw new OpenTrnError(
      `${path} is no JSON (${(e as Error).message}); remove it and give the options again`,
      { category: "bad input", rule: "--resume" },
    );
  }
}
