/** The options of `trn train` and `trn generate` as typed. They are known without loading what trains. */
import type { Command } from "commander";

/** As commander hands them over. */
export interface TypedTrainOptions {
  readonly config?: string;
  readonly data?: readonly string[];
  readonly tokenizer?: string;
  readonly target?: string;
  readonly cores?: string;
  readonly engine?: string;
  readonly computeDtype?: string;
  readonly stochasticRounding?: boolean;
  readonly fp8?: boolean;
  readonly steps?: string;
  readonly batch?: string;
  readonly seq?: string;
  readonly accumulate?: string;
  readonly lr?: string;
  readonly minLr?: string;
  readonly warmup?: string;
  readonly weightDecay?: string;
  readonly beta1?: string;
  readonly beta2?: string;
  readonly clip?: string;
  readonly evalEvery?: string;
  readonly evalBatches?: string;
  readonly evalShare?: string;
  readonly saveEvery?: string;
  readonly keep?: string;
  readonly seed?: string;
  readonly instance?: string;
  readonly term?: string;
  readonly out: string;
  readonly resume?: boolean;
  readonly json?: boolean;
}

/** What the help says; a test compares it with what `train` does. */
export const shownDefaults = {
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
  learningRate: 0.001,
  weightDecay: 0.1,
  beta1: 0.9,
  beta2: 0.95,
  clip: 1,
  evaluationBatches: 8,
  evaluationShare: 0.1,
  keep: 3,
  seed: 0,
} as const;
export const shownEngines = ["chip", "interpreter"] as const;
export const shownTerms = ["on-demand", "3-year", "capacity-block"] as const;
const d = shownDefaults;
const help = `
The folder of --out gets:
  checkpoints/        step-N with model.safetensors, optimizer.safetensors, config.json
                      and trainer.json; "latest" names the newest
  log.jsonl log.csv   one line a step
  tensorboard/        event files
  run.json            the options, for --resume
  data/               the tokens of the text

--resume goes on from the newest checkpoint; with the same options the result has the same
bytes as a run without a stop. Ctrl-C ends after the step with a checkpoint, a second one at
once. A loss that is NaN or infinite ends the run with the first bad tensor.

Exit codes: 0 done, 1 a loss that is not finite, 2 bad input, 130 stopped by Ctrl-C.

Examples:
  trn train --config tiny-llama --data book.txt --steps 200 --out out/tiny
  trn train --out out/tiny --resume
  trn generate --model out/tiny --prompt "Call me"`;

/** Adds the options, in groups. */
export const addTrainOptions = (command: Command): Command =>
  command
    .description("trains a transformer on text: loss, predicted time and cost, checkpoints")
    .optionsGroup("Model and data:")
    .option("--config <file|preset>", "config.json of Hugging Face, or a preset")
    .option("--data <path...>", "text files, or folders of them")
    .option(
      "--tokenizer <path>",
      `tokenizer.json, its folder, or bytes (default: "${d.tokenizer}")`,
    )
    .option("--seq <n>", "tokens of a sequence (default: 256, or the model's positions)")
    .option("--eval-share <x>", `share of the text held back (default: ${d.evaluationShare})`)
    .optionsGroup("Training:")
    .option("--steps <n>", `optimiser steps (default: ${d.steps})`)
    .option("--batch <n>", `sequences of a micro-batch, over all cores (default: ${d.batch})`)
    .option("--accumulate <n>", `micro-batches of a step (default: ${d.accumulate})`)
    .option("--lr <x>", `highest learning rate (default: ${d.learningRate})`)
    .option("--min-lr <x>", "learning rate at the end (default: a tenth of --lr)")
    .option("--warmup <n>", "steps to reach --lr (default: a tenth of --steps, at most 100)")
    .option("--weight-decay <x>", `of matrices (default: ${d.weightDecay})`)
    .option("--beta1 <x>", `of AdamW (default: ${d.beta1})`)
    .option("--beta2 <x>", `of AdamW (default: ${d.beta2})`)
    .option("--clip <x>", `largest norm of all gradients, 0 for any (default: ${d.clip})`)
    .option("--seed <n>", `of fresh weights and the order of the text (default: ${d.seed})`)
    .optionsGroup("Chip:")
    .option("--target <chip>", `chip to train on (default: "${d.target}")`)
    .option("--cores <n>", `cores that share a batch (default: ${d.cores})`)
    .option("--engine <name>", `what computes: ${shownEngines.join(", ")} (default: "${d.engine}")`)
    .option("--compute-dtype <type>", `of activations and products (default: "${d.computeDtype}")`)
    .option("--fp8", "products in fp8, each operand scaled by its largest magnitude")
    .option("--stochastic-rounding", "round to the compute type at random")
    .option("--instance <name>", "machine whose price counts (default: the smallest with one)")
    .option("--term <name>", `price to take: ${shownTerms.join(", ")}`)
    .optionsGroup("Output:")
    .option("--out <folder>", "where everything goes", "out/train")
    .option("--resume", "go on from the newest checkpoint in --out")
    .option("--eval-every <n>", "steps between evaluations, 0 for none (default: a tenth)")
    .option("--eval-batches <n>", `batches of an evaluation (default: ${d.evaluationBatches})`)
    .option("--save-every <n>", "steps between checkpoints (default: a fifth)")
    .option("--keep <n>", `checkpoints that stay (default: ${d.keep})`)
    .option("--json", "the report as JSON on standard output")
    .addHelpText("after", help);

/** As commander hands them over. */
export interface TypedGenerateOptions {
  readonly model: string;
  readonly prompt?: string;
  readonly promptFile?: string;
  readonly tokenizer?: string;
  readonly maxNewTokens?: string;
  readonly temperature?: string;
  readonly topK?: string;
  readonly topP?: string;
  readonly seed?: string;
  readonly target?: string;
  readonly engine?: string;
  readonly computeDtype?: string;
  readonly instance?: string;
  readonly term?: string;
  readonly json?: boolean;
}

const generateHelp = `
--model takes the folder of trn train --out, one of its checkpoints, or any folder in the form
of Hugging Face: config.json, *.safetensors and tokenizer.json.

Exit codes: 0 done, 2 bad input, 130 stopped by Ctrl-C.

Examples:
  trn generate --model out/train --prompt "Once upon a time"
  trn generate --model out/train --prompt-file start.txt --temperature 0.8 --top-k 50 --seed 1`;

/** Adds the options, in groups. */
export const addGenerateOptions = (command: Command): Command =>
  command
    .description("generates text with a model: prefill, then token by token with a KV cache")
    .optionsGroup("Model and prompt:")
    .requiredOption("--model <folder>", "a checkpoint")
    .option("--prompt <text>", "what the text starts with")
    .option("--prompt-file <file>", "the same from a file; - for standard input")
    .option("--tokenizer <path>", "tokenizer.json, its folder, or bytes (default: the model's)")
    .optionsGroup("Sampling:")
    .option("--max-new-tokens <n>", "tokens at most (default: 100)")
    .option("--temperature <x>", "0 takes the likeliest (default: 0.8)")
    .option("--top-k <n>", "of the k likeliest, 0 for all (default: 50)")
    .option("--top-p <x>", "of the fewest that reach p together (default: 1)")
    .option("--seed <n>", "of the draws (default: 0)")
    .optionsGroup("Chip:")
    .option("--target <chip>", `chip to run on (default: "${d.target}")`)
    .option("--engine <name>", `what computes: ${shownEngines.join(", ")} (default: "${d.engine}")`)
    .option("--compute-dtype <type>", `of activations and weights (default: "${d.computeDtype}")`)
    .option("--instance <name>", "machine whose price counts (default: the smallest with one)")
    .option("--term <name>", `price to take: ${shownTerms.join(", ")}`)
    .optionsGroup("Output:")
    .option("--json", "text and report as JSON on standard output")
    .addHelpText("after", generateHelp);
