/** One Program on several ranks, joined by `nki.collectives`: inputs and outputs a rank, the time of one. */
import {
  checkRaces,
  type Placement,
  type PrintedTensor,
  place,
  prepareRanks,
  runRanks,
  type Timeline,
  timeline,
} from "@opentrn/device";
import type { Program, Warning } from "@opentrn/isa";
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
  /** Of rank 0 without waiting for the others; absent with `time: false`. */
  readonly timeline?: Timeline;
}

/**
 * Runs `inputs.length` ranks of a Program, rank n on the tensors of `inputs[n]` by name; every rank has its own memory, and all have the
 * same generators' seed. Throws what `runProgram` throws, and `deadlock`, `collective mismatch` or `collective ranks`.
 */
export function runProgramRanks(
  program: Program,
  inputs: readonly Readonly<Record<string, TensorData>>[],
  options: Omit<RunOptions, "values" | "onStage"> = {},
): RanksResult {
  checkRaces(program);
  const placement = place(program);
  const executables = prepareRanks(program, placement, inputs.length, prepareOptions(options));
  const outcomes = runRanks(
    executables,
    inputs.map((i) => inputBytes(program, i)),
  );
  const wanted = options.outputs ?? wholeOutputs(program);
  const wide = options.preciseFp === false;
  const ranks = outcomes.map(
    ({ outputs, prints }, n): RankResult => ({
      outputs: wanted.map((o) => outputOf(program, executables[n]!, o, outputs, wide)),
      prints,
    }),
  );
  const warnings = [...program.warnings];
  if (options.time === false) return { program, placement, ranks, warnings };
  warnings.push({
    rule: "time of ranks",
    message:
      "the time is that of rank 0 alone: waiting for other ranks and the links between cores are not modelled",
  });
  const executed = outcomes[0]!.executed;
  return {
    program,
    placement,
    ranks,
    warnings,
    timeline: timeline(program, placement, { executed }),
  };
}
