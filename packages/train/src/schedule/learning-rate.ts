/** The learning rate over a run. */
import { OpenTrnError } from "@opentrn/base";

export interface Schedule {
  /** Optimiser steps of the whole run; the cosine ends here. */
  readonly steps: number;
  readonly learningRate: number;
  readonly minimum: number;
  /** Steps that rise linearly to `learningRate`. */
  readonly warmup: number;
}

/** `bad input` for a schedule that goes nowhere. */
export function checkSchedule(s: Schedule): void {
  const stop = (rule: string, why: string): never => {
    throw new OpenTrnError(`${rule} ${why}`, { category: "bad input", rule });
  };
  if (s.warmup > s.steps)
    stop("--warmup", `${s.warmup} is longer than the run; give at most --steps ${s.steps}`);
  if (s.minimum > s.learningRate)
    stop("--min-lr", `${s.minimum} is above --lr ${s.learningRate}; the rate falls towards it`);
}

/** The rate of step `step` (from 0): linear to the peak during the warm-up, then half a cosine down to the minimum. */
export function learningRate(s: Schedule, step: number): number {
  if (step < s.warmup) return (s.learningRate * (step + 1)) / s.warmup;
  const along = Math.min(1, (step - s.warmup) / Math.max(1, s.steps - s.warmup));
  return s.minimum + (s.learningRate - s.minimum) * 0.5 * (1 + Math.cos(Math.PI * along));
}
