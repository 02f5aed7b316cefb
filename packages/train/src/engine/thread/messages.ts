/** What the thread of the loop and the thread of an engine tell each other: calls by number, answered once. */
import { type ErrorCategory, OpenTrnError, type SourceLocation } from "@opentrn/base";
import type { EngineName, Placement } from "../engines.ts";
import type { TrainingEngineRequest } from "../interpreter-engine.ts";
import type { Batch, Prediction, StepScalars, TrainingState } from "../step-engine.ts";

export type Call =
  | {
      readonly kind: "open";
      readonly engine: EngineName;
      readonly request: TrainingEngineRequest;
      readonly placement: Placement;
    }
  | { readonly kind: "load"; readonly state: TrainingState }
  | { readonly kind: "step"; readonly batches: readonly Batch[]; readonly scalars: StepScalars }
  | { readonly kind: "evaluate"; readonly batch: Batch }
  | { readonly kind: "state" }
  | { readonly kind: "close" };

/** What an engine says of itself once it is compiled. */
export interface Opened {
  readonly predicted: Prediction | undefined;
}

export interface Question {
  readonly id: number;
  readonly call: Call;
}

export type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: ErrorMessage }
  /** What is going on, to be shown. */
  | { readonly id: number; readonly says: string };

/** An error on its way between threads. */
export interface ErrorMessage {
  readonly message: string;
  readonly category: ErrorCategory;
  readonly rule: string | undefined;
  readonly at: SourceLocation | undefined;
  /** Of errors that are no OpenTrnError. */
  readonly stack: string | undefined;
}

export const errorMessage = (e: unknown): ErrorMessage =>
  e instanceof OpenTrnError
    ? { message: e.message, category: e.category, rule: e.rule, at: e.at, stack: undefined }
    : {
        message: e instanceof Error ? e.message : String(e),
        category: "internal",
        rule: undefined,
        at: undefined,
        stack: e instanceof Error ? (e.stack ?? "") : "",
      };

export function errorFrom(m: ErrorMessage): Error {
  if (m.stack === undefined)
    return new OpenTrnError(m.message, { category: m.category, rule: m.rule, at: m.at });
  return Object.assign(new Error(m.message), { stack: m.stack });
}
