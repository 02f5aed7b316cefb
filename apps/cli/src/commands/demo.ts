/** `trn demo`: a small Llama learns Moby-Dick on the virtual chip for about a minute, then writes. */
import { OpenTrnError } from "@opentrn/base";
import {
  costOfDecoding,
  costOfTraining,
  type GenerateReport,
  generate,
  generateReport,
  heldBackLoss,
  type OpenTraining,
  openGeneration,
  openTraining,
  trainReport,
} from "@opentrn/train";
import { demoFolder } from "../demo/demo-folder.ts";
import { demoReport } from "../demo/demo-report.ts";
import { type DemoSettings, demoSettings } from "../demo/settings.ts";
import { exitCode } from "../failure.ts";
import type { Io } from "../io.ts";
import { Progress } from "../progress.ts";
import { choiceOption, numberOption } from "../run-options.ts";
import { StopRequest } from "../stop-request.ts";
import { demoSummary } from "../terminal/demo-view.ts";
import { TrainView } from "../terminal/train-view.ts";
import { WrappedStream } from "../terminal/wrapped-stream.ts";
import { demoKernelsCommand } from "./demo-kernels.ts";
import { sayHowItEnded, trainShown } from "./train.ts";

export interface TypedDemoOptions {
  readonly out?: string;
  readonly steps?: string;
  readonly json?: boolean;
}

/** What can be shown, by the word behind `trn demo`. */
const demos = {
  train: (options, io, version) => demoCommand(options, io, version),
  kernels: async (options, io) => {
    if (options.steps !== undefined)
      throw new OpenTrnError("--steps are those of trn demo train; kernels have none", {
        category: "bad input",
        rule: "--steps",
      });
    return demoKernelsCommand({ ...options, out: options.out ?? "out" }, io);
  },
} as const satisfies Record<
  string,
  (options: TypedDemoOptions, io: Io, version: string) => Promise<number>
>;

/** Stops with `bad input` for another word. */
export async function demo(
  what: string,
  options: TypedDemoOptions,
  io: Io,
  version: string,
): Promise<number> {
  const name = choiceOption("trn demo", what, Object.keys(demos) as (keyof typeof demos)[]);
  return demos[name](options, io, version);
}

/** How wide the written text is. */
const WIDTH = 78;

/** `settings` are the demo's own; a test gives smaller ones. */
export async function demoCommand(
  typed: TypedDemoOptions,
  io: Io,
  version: string,
  settings: DemoSettings = demoSettings(),
): Promise<number> {
  const started = performance.now();
  const steps = numberOption("--steps", typed.steps, 1, 2 ** 31 - 1);
  const { out, resume } = demoFolder(typed.out ?? "out/demo");
  const progress = new Progress(io);
  const open = await openTraining({
    given: { ...(resume ? {} : settings.train), ...(steps === undefined ? {} : { steps }) },
    out,
    resume,
    version,
    thread: io.live,
    onProgress: (what) => progress.say(what),
  }).finally(() => progress.done());
  const json = typed.json === true;
  const view = new TrainView(io, open, json);
  try {
    view.start();
    if (!resume) progress.say("measuring the loss before the first step");
    const firstEvalLoss = resume ? undefined : await heldBackLoss(open.run);
    progress.done();
    const { result, code } = await trainShown(open, view);
    if (io.live && !json) for (const line of view.curve()) io.out(`${line}\n`);
    const written =
      result.ended === "done" ? await write(open, out, settings, json, io) : undefined;
    const report = demoReport({
      train: trainReport(open, result, out),
      firstEvalLoss,
      generated: written && { prompt: settings.prompt, report: written.report },
      seconds: (performance.now() - started) / 1000,
    });
    io.out(
      json ? `${JSON.stringify(report)}\n` : demoSummary(report, costOfTraining(open), io.colours),
    );
    sayHowItEnded(result, `trn demo --out ${out}`, io);
    return written?.code ?? code;
  } finally {
    progress.done();
    view.done();
    await open.close();
  }
}

interface Written {
  readonly report: GenerateReport;
  readonly code: number;
}

/** Text of the trained model, shown as it is made. */
async function write(
  { options }: OpenTraining,
  out: string,
  { prompt, newTokens, sampling }: DemoSettings,
  json: boolean,
  io: Io,
): Promise<Written> {
  const progress = new Progress(io);
  progress.say("compiling generation");
  const open = await openGeneration({
    model: out,
    target: options.target,
    engine: options.engine,
    computeDtype: options.computeDtype,
    seed: sampling.seed,
    prompt,
    maxNewTokens: newTokens,
    onProgress: (what) => progress.say(what),
  }).finally(() => progress.done());
  const stop = new StopRequest(() => {});
  const text = new WrappedStream(json ? () => {} : io.out, WIDTH);
  try {
    text.push(`\n${prompt}`);
    const made = await generate({
      engine: open.engine,
      tokenizer: open.tokenizer,
      prompt,
      maxNewTokens: newTokens,
      sampling,
      endIds: open.config.specials.eos,
      onText: (piece) => text.push(piece),
      stopRequested: () => stop.exitCode !== undefined,
    });
    text.push("\n");
    text.end();
    return {
      report: generateReport(open, made, costOfDecoding(open, {})),
      code: stop.exitCode ?? exitCode.passed,
    };
  } finally {
    stop.release();
    await open.engine.close();
  }
}
