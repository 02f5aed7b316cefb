/** `trn train`: opens a run, trains, and reports. */
import {
  costOfTraining,
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
  const stop = new StopRequest(() =>
    view.say("stopping after this step with a checkpoint; Ctrl-C again stops at once"),
  );
  try {
    view.start();
    const result = await trainLoop(open.run, {
      onStep: (record) => view.step(record),
      stopRequested: () => stop.exitCode !== undefined,
    });
    view.done();
    const report = trainReport(open, result, typed.out);
    io.out(json ? `${JSON.stringify(report)}\n` : trainSummary(report, costOfTraining(open)));
    sayHowItEnded(result, typed.out, io);
    if (result.ended === "bad") return exitCode.checkFailed;
    return result.ended === "stopped" ? (stop.exitCode ?? exitCode.passed) : exitCode.passed;
  } finally {
    view.done();
    stop.release();
    await open.close();
  }
}

function sayHowItEnded({ ended, step, bad, checkpoint }: TrainResult, out: string, io: Io): void {
  if (ended === "stopped")
    io.err(`stopped at step ${step}; go on with trn train --resume --out ${out}\n`);
  if (bad)
    io.err(
      `step ${bad.step}: the loss is ${bad.loss} and the norm of the gradients ${bad.gradNorm}; the first bad tensor is ${bad.tensor}. ` +
        `The checkpoint ${checkpoint} is kept; try a lower --lr, more --warmup or a smaller --clip\n`,
    );
}
