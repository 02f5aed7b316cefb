/** What was typed for `trn train`, checked. */
import { resolve } from "node:path";
import { computeTypes } from "@opentrn/models";
import { engineNames, priceTerms, type TrainOptions } from "@opentrn/train";
import { choiceOption, numberOption } from "./run-options.ts";
import type { TypedTrainOptions } from "./train-options.ts";

const MOST = 2 ** 31 - 1;

/** Numbers: option, what it sets, bounds, whether whole. */
const numbers = [
  ["--cores", "cores", "cores", 1, 128, true],
  ["--steps", "steps", "steps", 1, MOST, true],
  ["--batch", "batch", "batch", 1, 2 ** 20, true],
  ["--seq", "seq", "sequence", 1, 2 ** 24, true],
  ["--accumulate", "accumulate", "accumulate", 1, 2 ** 20, true],
  ["--lr", "lr", "learningRate", 0, 1e3, false],
  ["--min-lr", "minLr", "minimum", 0, 1e3, false],
  ["--warmup", "warmup", "warmup", 0, MOST, true],
  ["--weight-decay", "weightDecay", "weightDecay", 0, 1e3, false],
  ["--beta1", "beta1", "beta1", 0, 0.999999, false],
  ["--beta2", "beta2", "beta2", 0, 0.999999, false],
  ["--clip", "clip", "clip", 0, 1e9, false],
  ["--eval-every", "evalEvery", "evaluateEvery", 0, MOST, true],
  ["--eval-batches", "evalBatches", "evaluationBatches", 1, MOST, true],
  ["--eval-share", "evalShare", "evaluationShare", 0, 0.9, false],
  ["--save-every", "saveEvery", "saveEvery", 1, MOST, true],
  ["--keep", "keep", "keep", 1, MOST, true],
  ["--seed", "seed", "seed", 0, 2 ** 32 - 1, true],
] as const satisfies readonly (readonly [
  string,
  keyof TypedTrainOptions,
  keyof TrainOptions,
  number,
  number,
  boolean,
])[];

/** What the user said, checked; nothing else. */
export function givenOptions(typed: TypedTrainOptions): Partial<TrainOptions> {
  const set: Record<string, unknown> = {};
  for (const [option, from, to, low, high, whole] of numbers) {
    const value = numberOption(option, typed[from], low, high, whole);
    if (value !== undefined) set[to] = value;
  }
  const words = {
    config: typed.config,
    // A resumed run may be started from another folder.
    data: typed.data?.map((path) => resolve(path)),
    tokenizer: typed.tokenizer,
    target: typed.target,
    instance: typed.instance,
    engine: typed.engine && choiceOption("--engine", typed.engine, engineNames),
    computeDtype:
      typed.computeDtype && choiceOption("--compute-dtype", typed.computeDtype, computeTypes),
    term: typed.term && choiceOption("--term", typed.term, priceTerms),
    stochasticRounding: typed.stochasticRounding,
    fp8: typed.fp8,
  };
  for (const [name, value] of Object.entries(words)) if (value !== undefined) set[name] = value;
  return set as Partial<TrainOptions>;
}
