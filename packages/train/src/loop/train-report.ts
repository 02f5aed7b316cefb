/** The report of a training run, as `trn train --json` prints it. Field names are a contract: docs/report.md. */

import type { Prediction } from "../engine/step-engine.ts";
import { type Cost, costOf } from "../prices/cost.ts";
import { costReport } from "../prices/cost-report.ts";
import { type OpenTraining, priceOf } from "../setup/open-training.ts";
import type { TrainResult } from "./train-loop.ts";

/** JSON has no NaN and no infinity. */
const finite = (x: number): number | string => (Number.isFinite(x) ? x : String(x));

/** What the predicted tokens cost; null where nothing is predicted or no price is published. */
export function costOfTraining({ run, options, chip }: OpenTraining): Cost | undefined {
  const p = run.engine.predicted;
  if (!p) return undefined;
  return costOf({
    chip,
    tokensPerSecond: p.tokensPerSecond,
    cores: p.cores,
    ...priceOf(options),
  });
}

export function trainReport(open: OpenTraining, result: TrainResult, out: string) {
  const { options, config, run } = open;
  return {
    model: {
      config: options.config,
      architecture: config.architecture,
      parameters: open.parameters,
      tokenizer: open.tokenizer.name,
    },
    target: options.target,
    cores: options.cores,
    engine: run.engine.name,
    compute_dtype: options.computeDtype,
    ended: result.ended,
    step: result.step,
    steps: options.steps,
    steps_here: result.stepsHere,
    tokens: result.tokens,
    first_loss: result.firstLoss ?? null,
    loss: result.loss ?? null,
    eval_loss: result.evaluationLoss ?? null,
    bad: result.bad
      ? {
          step: result.bad.step,
          tensor: result.bad.tensor,
          loss: finite(result.bad.loss),
          grad_norm: finite(result.bad.gradNorm),
        }
      : null,
    predicted: predictedReport(run.engine.predicted, costOfTraining(open)),
    host: {
      seconds: result.stepMs / 1000,
      tokens_per_second: result.stepMs > 0 ? (result.tokensHere / result.stepMs) * 1000 : 0,
    },
    checkpoint: result.checkpoint ?? null,
    out,
    notes: open.notes,
  };
}

export type TrainReport = ReturnType<typeof trainReport>;

const predictedReport = (p: Prediction | undefined, cost: Cost | undefined) =>
  p
    ? {
        step_ns: p.stepNs,
        low_ns: p.low ?? null,
        high_ns: p.high ?? null,
        tokens_per_second: p.tokensPerSecond,
        cores: p.cores,
        mfu: p.mfu ?? null,
        cost: cost ? costReport(cost) : null,
      }
    : null;
