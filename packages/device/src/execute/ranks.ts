/** One Program (or one a rank) on N ranks, each with its own memory and inputs, in lock-step where `nki.collectives` join them. */
import { OpenTrnError } from "@opentrn/base";
import type { Program } from "@opentrn/isa";
import type { Placement } from "../placement/index.ts";
import {
  type Executable,
  type ExecuteOutcome,
  type PrepareOptions,
  prepare,
  type RunOutcome,
} from "./executable.ts";
import { runTogether } from "./meet.ts";

/** An executable for every rank of one Program; each has its own memory. */
export const prepareRanks = (
  program: Program,
  placement: Placement,
  ranks: number,
  options?: PrepareOptions,
): readonly Executable[] => {
  if (!(Number.isInteger(ranks) && ranks >= 1 && ranks <= MAX_RANKS))
    throw new OpenTrnError(
      `${ranks} ranks; a launch has 1 to ${MAX_RANKS}, each with its own memory in this process`,
      { category: "bad input", rule: "ranks" },
    );
  return Array.from({ length: ranks }, () => prepare(program, placement, options));
};

/** Enough for every core of an instance of 16 chips. */
const MAX_RANKS = 128;

/**
 * Runs rank n on `inputs[n]` (raw bytes, as `Executable.run` takes them). Throws `bad input` for missing inputs or an executable
 * given twice, `invalid program` with rule `deadlock`, `collective mismatch` or `collective ranks`.
 */
export function runRanks(
  executables: readonly Executable[],
  inputs: readonly (readonly Uint8Array[])[],
): readonly RunOutcome[] {
  checkDistinct(executables);
  if (inputs.length !== executables.length)
    throw new OpenTrnError(
      `${executables.length} ranks have inputs for ${inputs.length}; give one list of inputs a rank`,
      { category: "bad input", rule: "ranks" },
    );
  const started = executables.map((e, rank) => e.start(inputs[rank]!, rank, executables.length));
  runTogether(started.map((s) => s.launch));
  return started.map((s) => s.finish());
}

/** Runs all ranks on what their HBM holds; results and carried tensors stay there. Throws what `runRanks` and `execute` throw. */
export function executeRanks(executables: readonly Executable[]): readonly ExecuteOutcome[] {
  checkDistinct(executables);
  const started = executables.map((e, rank) => e.startResident(rank, executables.length));
  runTogether(started.map((s) => s.launch));
  return started.map((s) => s.finish());
}

function checkDistinct(executables: readonly Executable[]): void {
  if (new Set(executables).size !== executables.length || executables.length === 0)
    throw new OpenTrnError("every rank needs an executable of its own; use prepareRanks", {
      category: "bad input",
      rule: "ranks",
    });
}
