/** `trn generate`: a prompt, the text that follows as it is made, and what the chip would take. */
import { readFileSync } from "node:fs";
import { OpenTrnError } from "@opentrn/base";
import { computeTypes } from "@opentrn/models";
import {
  type Cost,
  costOfDecoding,
  defaults,
  engineNames,
  type GenerateReport,
  generate,
  generateReport,
  openGeneration,
  priceTerms,
  type Sampling,
} from "@opentrn/train";
import { exitCode } from "../failure.ts";
import type { Io } from "../io.ts";
import { Progress } from "../progress.ts";
import { choiceOption, numberOption } from "../run-options.ts";
import { StopRequest } from "../stop-request.ts";
import { dollars, rate } from "../terminal/train-view.ts";
import { hostTime, time } from "../terminal/units.ts";
import type { TypedGenerateOptions } from "../train-options.ts";

const MOST_TOKENS = 2 ** 20;

export async function generateCommand(typed: TypedGenerateOptions, io: Io): Promise<number> {
  const maxNewTokens = numberOption("--max-new-tokens", typed.maxNewTokens, 1, MOST_TOKENS) ?? 100;
  const sampling = samplingOf(typed);
  const prompt = promptOf(typed);
  const price = priceOf(typed);
  const progress = new Progress(io);
  progress.say(`reading ${typed.model}`);
  const open = await openGeneration({
    model: typed.model,
    ...(typed.tokenizer === undefined ? {} : { tokenizer: typed.tokenizer }),
    target: typed.target ?? defaults.target,
    engine: choiceOption("--engine", typed.engine ?? defaults.engine, engineNames),
    computeDtype: choiceOption(
      "--compute-dtype",
      typed.computeDtype ?? defaults.computeDtype,
      computeTypes,
    ),
    seed: sampling.seed,
    prompt,
    maxNewTokens,
    onProgress: (what) => progress.say(what),
  }).finally(() => progress.done());
  const stop = new StopRequest(() => {});
  try {
    const { engine, tokenizer, config } = open;
    if (!typed.json) io.out(prompt);
    const made = await generate({
      engine,
      tokenizer,
      prompt,
      maxNewTokens,
      sampling,
      endIds: config.specials.eos,
      onText: (text) => {
        if (!typed.json) io.out(text);
      },
      stopRequested: () => stop.exitCode !== undefined,
    });
    const cost = costOfDecoding(open, price);
    const report = generateReport(open, made, cost);
    if (typed.json) io.out(`${JSON.stringify(report)}\n`);
    else {
      io.out("\n");
      io.err(summary(report, cost));
    }
    return stop.exitCode ?? exitCode.passed;
  } finally {
    stop.release();
    await open.engine.close();
  }
}

function samplingOf(typed: TypedGenerateOptions): Sampling {
  return {
    temperature: numberOption("--temperature", typed.temperature, 0, 1e3, false) ?? 0.8,
    topK: numberOption("--top-k", typed.topK, 0, 2 ** 31) ?? 50,
    topP: numberOption("--top-p", typed.topP, 0, 1, false) ?? 1,
    seed: numberOption("--seed", typed.seed, 0, 2 ** 32 - 1) ?? 0,
  };
}

const priceOf = ({ instance, term }: TypedGenerateOptions) => ({
  ...(instance === undefined ? {} : { instance }),
  ...(term === undefined ? {} : { term: choiceOption("--term", term, priceTerms) }),
});

function promptOf({ prompt, promptFile }: TypedGenerateOptions): string {
  const stop = (why: string): never => {
    throw new OpenTrnError(why, { category: "bad input", rule: "--prompt" });
  };
  if (prompt !== undefined && promptFile !== undefined)
    stop("--prompt and --prompt-file both give the prompt; give one of them");
  if (prompt !== undefined) return prompt;
  if (promptFile === undefined) return stop("--prompt is missing; give it or --prompt-file");
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(promptFile === "-" ? 0 : promptFile);
  } catch (e) {
    return stop(
      `--prompt-file ${promptFile} cannot be read (${(e as NodeJS.ErrnoException).code})`,
    );
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return stop(`--prompt-file ${promptFile} is not UTF-8 text`);
  }
}

/** Beside the text, which may go into a file. */
function summary(report: GenerateReport, cost: Cost | undefined): string {
  const { predicted, host, tokens, prompt_tokens: prompt } = report;
  const lines = [
    `${prompt} tokens of prompt, ${tokens.length} new (${report.ended}); this host: ${hostTime(host.prefill_ms)} to the first token, then ${rate(host.tokens_per_second)} tokens/s`,
  ];
  if (predicted) {
    const money = cost
      ? `, ${dollars(cost.usdPerMillionTokens)} a million tokens on ${cost.instance} (${cost.price.term}, ${cost.price.date})`
      : "";
    lines.push(
      `${report.target} predicted: first token after ${time(predicted.ttft_ns)}, then ${time(predicted.token_ns)} a token, ${rate(predicted.tokens_per_second)} tokens/s${money}`,
    );
  }
  return `${lines.join("\n")}\n`;
}
