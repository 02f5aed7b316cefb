/** One Program on several ranks, joined by `nki.collectives`: inputs and outputs a rank, the time of one. */
import {
  checkRaces,
  type Placement,
  type PrintedTensor,
  place,
  prepareRanks,
  runRanks,
  type Timeline,
  timelineOfRanks,
} from "@opentrn/device";
import type { Program, Warning } from "@opentrn/isa";
import { costWarnings } from "../report/time-report.ts";
import type { TensorData } from "../tensors/tensor.ts";
import { inputBytes } from "./input-bytes.ts";
import {
  type OutputTensor,
  outputOf,
  prepareOptions,
  type RunOptions,
  wholeOutputs,
} from "./run-program.ts";

export interface RankResult {
  readonly outputs: readonly OutputTensor[];
  readonly prints: readonly PrintedTensor[];
}

export interface RanksResult {
  readonly program: Program;
  readonly placement: Placement;
  /** Rank 0 first. */
  readonly ranks: readonly RankResult[];
  readonly warnings: readonly Warning[];
  /** Instructions of a rank that ran on the fast path. */
  readonly fastCount: number;
  /** Of rank 0, collectives waiting for the other ranks; absent with `time: false`. */
  readonly timeline?: Timeline;
  /** Host milliseconds, for all ranks. */
  readonly host: { readonly executeMs: number; readonly timelineMs: number };
}

export interface RanksOptions extends Omit<RunOptions, "values" | "watch"> {
  /** Name of the machine whose chips the ranks fill one after the other; default the largest one with the chip. */
  readonly machine?: string;
}

/**
 * Runs `inputs.length` ranks of a Program, rank n on the tensors of `inputs[n]` by name; every rank has its own memory, and all have the
 * same generators' seed. Throws what `runProgram` throws, and `deadlock`, `collective mismatch` or `collective ranks`.
 */
export function runProgramRanks(
  program: Program,
  inputs: readonly Readonly<Record<string, TensorData>>[],
  options: RanksOptions = {},
): RanksResult {
  const { onStage } = options;
  onStage?.("place");
  checkRaces(program);
  const placement = place(program);
  const bytes = inputs.map((i) => inputBytes(program, i));
  const started = performance.now();
  onStage?.("execute");
  const executables = prepareRanks(program, placement, inputs.length, prepareOptions(options));
  const outcomes = runRanks(executables, bytes);
  const wanted = options.outputs ?? wholeOutputs(program);
  const wide = options.preciseFp === false;
  const ranks = outcomes.map(
    ({ outputs, prints }, n): RankResult => ({
      outputs: wanted.map((o) => outputOf(program, executables[n]!, o, outputs, wide)),
      prints,
    }),
  );
  const between = performance.now();
  const fastCount = executables[0]!.fastCount;
  const values = { program, placement, ranks, fastCount };
  if (options.time === false)
    return {
      ...values,
      warnings: program.warnings,
      host: { executeMs: between - started, timelineMs: 0 },
    };
  onStage?.("timeline");
  const timed = timelineOfRanks(program, placement, {
    executed: outcomes.map((o) => o.executed),
    maxInstructions: options.maxSteps,
    machine: options.machine,
  });
  return {
    ...values,
    warnings: [...program.warnings, ...costWarnings(timed)],
    timeline: timed,
    host: { executeMs: between - started, timelineMs: performance.now() - between },
  };
}
