/** What the thread that brings ranks together and the threads that run their cores tell each other. */
import { type ErrorCategory, OpenTrnError, type SourceLocation } from "@opentrn/base";
import type { Placement, PrepareOptions, ProgramMessage, Stop } from "@opentrn/device";

/** What every worker thread starts with. */
export interface WorkerStart {
  readonly program: ProgramMessage;
  readonly placement: Placement;
  readonly options: PrepareOptions;
}

/** A core of a rank, numbered over all ranks: rank times cores plus core. */
export type PartyNumber = number;

export type ToWorker =
  /** Bind a core over its rank's memory. */
  | {
      readonly kind: "host";
      readonly party: PartyNumber;
      readonly core: number;
      readonly memory: WebAssembly.Memory;
    }
  /** Stand at the first instruction. */
  | {
      readonly kind: "start";
      readonly party: PartyNumber;
      readonly rank: number;
      readonly ranks: number;
    }
  /** Go on to the next meeting or the end. */
  | { readonly kind: "advance"; readonly party: PartyNumber; readonly passing: boolean };

export type FromWorker =
  | { readonly kind: "hosted"; readonly party: PartyNumber; readonly fastCount: number }
  | { readonly kind: "stopped"; readonly party: PartyNumber; readonly stop: Stop }
  | { readonly kind: "failed"; readonly party: PartyNumber; readonly error: ErrorMessage };

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
        stack: e instanceof Error ? e.stack : undefined,
      };

export function errorFrom(m: ErrorMessage): Error {
  const { message, category, rule, at } = m;
  if (m.stack === undefined) return new OpenTrnError(message, { category, rule, at });
  const error = new Error(message);
  error.stack = m.stack;
  return error;
}
