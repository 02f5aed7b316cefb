/** One line of a run's logs. The fields are those of JSONL, CSV and TensorBoard alike. */

export interface StepRecord {
  /** Optimiser steps done, this one included. */
  readonly step: number;
  readonly epoch: number;
  /** Trained on so far. */
  readonly tokens: number;
  readonly loss: number;
  readonly gradNorm: number;
  readonly learningRate: number;
  /** Mean loss of the text held back, where this step was followed by an evaluation. */
  readonly evaluationLoss?: number;
  /** Host time of the step, and tokens over it. */
  readonly hostMs: number;
  readonly hostTokensPerSecond: number;
  /** What the chip would take for the step. */
  readonly chipMs?: number;
}

/** Column names and TensorBoard tags, in order. `step` comes first and is no tag. */
export const logFields = [
  ["step", "step"],
  ["epoch", "epoch"],
  ["tokens", "tokens"],
  ["loss", "loss"],
  ["gradNorm", "grad_norm"],
  ["learningRate", "learning_rate"],
  ["evaluationLoss", "eval_loss"],
  ["hostMs", "host_ms"],
  ["hostTokensPerSecond", "host_tokens_per_second"],
  ["chipMs", "chip_ms"],
] as const satisfies readonly (readonly [keyof StepRecord, string])[];

/** A log that is written as the run goes. */
export interface RunLog {
  add(record: StepRecord): void;
  close(): void;
}
