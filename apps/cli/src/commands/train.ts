/** `trn train`: opens a run, trains, and reports. */
import {
  costOfTraining,
  type OpenTraining,
  openTraining,
  type TrainResult,
  trainLoop,
  trainReport,
} from "@opentrn/train";
import { exitCode } from "../failure.ts";
import type { Io } from "../io.ts";
import { Progress } from "../progress.ts";
import { StopRequest } from "../stop-request.ts";
import { TrainView, trainSummary } from "../terminal/train-view.ts";
import { givenOptions } from "../train-given.ts";
import type { TypedTrainOptions } from "../train-options.ts";

export async function trainCommand(
  typed: TypedTrainOptions,
  io: Io,
  version: string,
): Promise<number> {
  const given = givenOptions(typed);
  const progress = new Progress(io);
  const open = await openTraining({
    given,
    out: typed.out,
    resume: typed.resume === true,
    version,
    // Someone who watches wants Ctrl-C to be heard in the middle of a step.
    thread: io.live,
    onProgress: (what) => progress.say(what),
  }).finally(() => progress.done());
  const json = typed.json === true;
  const view = new TrainView(io, open, json);
  try {
    view.start();
    const { result, code } = await trainShown(open, view);
    const report = trainReport(open, result, typed.out);
    io.out(json ? `${JSON.stringify(report)}\n` : trainSummary(report, costOfTraining(open)));
    sayHowItEnded(result, `trn train --resume --out ${typed.out}`, io);
    return code;
  } finally {
    view.done();
    await open.close();
  }
}

export interface ShownTraining {
  readonly result: TrainResult;
  /** What the command ends with when nothing comes after training. */
  readonly code: number;
}

/** Trains an open run to its end or to the first Ctrl-C, each step into the view. */
export async function trainShown(open: OpenTraining, view: TrainView): Promise<ShownTraining> {
  const stop = new StopRequest(() =>
    view.say("stopping after this step with a checkpoint; Ctrl-C again stops at once"),
  );
  try {
    const result = await trainLoop(open.run, {
      onStep: (record) => view.step(record),
      stopRequested: () => stop.exitCode !== undefined,
    });
    view.done();
    return { result, code: codeOf(result, stop) };
  } finally {
    stop.release();
  }
}

function codeOf({ ended }: TrainResult, stop: StopRequest): number {
  if (ended === "bad") return exitCode.checkFailed;
  return ended === "stopped" ? (stop.exitCode ?? exitCode.passed) : exitCode.passed;
}

/** Why a run ended early, on standard error; `goOn` is the command that continues it. */
export function sayHowItEnded(
  { ended, step, bad, checkpoint }: TrainResult,
  goOn: string,
  io: Io,
): void {
  if (ended === "stopped") io.err(`stopped at step ${step}; go on with ${goOn}\n`);
  if (bad)
    io.err(
      `step ${bad.step}: the loss is ${bad.loss} and the norm of the gradients ${bad.gradNorm}; the first bad tensor is ${bad.tensor}. ` +
        `The checkpoint ${checkpoint} is kept; try a lower --lr, more --warmup or a smaller --clip\n`,
    );
}
