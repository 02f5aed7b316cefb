/** Places, executes and times a Program: one call, everything a report needs. */
import {
  checkRaces,
  type Executable,
  type Placement,
  type PrepareOptions,
  type PrintedTensor,
  place,
  prepare,
  type Timeline,
  timeline,
  type WatchLog,
  watch,
} from "@opentrn/device";
import type { Program, Warning } from "@opentrn/isa";
import type { TracedOutput } from "@opentrn/nki";
import { bytesOf } from "@opentrn/numerics";
import { costWarnings } from "../report/time-report.ts";
import { elementCount, type TensorData } from "../tensors/tensor.ts";
import { inputBytes } from "./input-bytes.ts";

export interface RunOptions {
  /** Compute values; default true. */
  readonly values?: boolean;
  /** Predict time; default true. */
  readonly time?: boolean;
  /** Use the fast kernels; default true. */
  readonly fast?: boolean;
  /** False keeps narrow floats in fp32; default true. */
  readonly preciseFp?: boolean;
  /** Seed of the engines' generators. */
  readonly seed?: number;
  /** Stops run-time loops that execute more instructions. */
  readonly maxSteps?: number;
  /** What the kernel returned, where its host says more than the Program; default: whole output storages. */
  readonly outputs?: readonly TracedOutput[];
  /** Storages whose writes are to be shown. */
  readonly watch?: ReadonlySet<number>;
  /** Told what comes next. */
  readonly onStage?: (stage: "place" | "execute" | "timeline") => void;
}

export interface OutputTensor extends TensorData {
  readonly name: string;
  /** With `preciseFp: false`: the fp32 values before they were rounded to `dtype`. */
  readonly wideValues?: Float32Array;
}

export interface RunResult {
  readonly program: Program;
  readonly placement: Placement;
  /** Absent with `values: false`. */
  readonly outputs?: readonly OutputTensor[];
  readonly prints: readonly PrintedTensor[];
  /** With `watch`. */
  readonly watch?: WatchLog;
  readonly warnings: readonly Warning[];
  /** Instructions that ran on the fast path, of all. */
  readonly fastCount?: number;
  /** Absent with `time: false`. */
  readonly timeline?: Timeline;
  /** Host milliseconds. */
  readonly host: { readonly executeMs: number; readonly timelineMs: number };
}

/** Runs a Program on `inputs` by name. Same Program, inputs and seed give the same bytes and the same timeline. */
export function runProgram(
  program: Program,
  inputs: Readonly<Record<string, TensorData>>,
  options: RunOptions = {},
): RunResult {
  const { values = true, time = true, onStage } = options;
  onStage?.("place");
  checkRaces(program);
  const placement = place(program);
  // Made-up inputs are drawn now, so that their time is not counted as the run's.
  const bytes = values ? inputBytes(program, inputs) : [];
  const started = performance.now();
  let executed: ReturnType<typeof execute> | undefined;
  if (values) {
    onStage?.("execute");
    executed = execute(program, placement, bytes, options);
  }
  const between = performance.now();
  let timed: Timeline | undefined;
  if (time) {
    onStage?.("timeline");
    timed = timeline(program, placement, {
      executed: executed?.executed,
      maxInstructions: options.maxSteps,
    });
  }
  return {
    program,
    placement,
    ...(timed ? { timeline: timed } : {}),
    ...(executed ? { outputs: executed.outputs, fastCount: executed.fastCount } : {}),
    prints: executed?.prints ?? [],
    ...(executed?.watch ? { watch: executed.watch } : {}),
    warnings: [...program.warnings, ...(timed ? costWarnings(timed) : [])],
    host: { executeMs: between - started, timelineMs: performance.now() - between },
  };
}

function execute(
  program: Program,
  placement: Placement,
  inputs: readonly Uint8Array[],
  options: RunOptions,
) {
  const executable = prepare(program, placement, prepareOptions(options));
  const watched = options.watch && watch(program, options.watch);
  const outcome = executable.run(inputs, watched?.observer);
  const wanted = options.outputs ?? wholeOutputs(program);
  return {
    outputs: wanted.map((o) =>
      outputOf(program, executable, o, outcome.outputs, options.preciseFp === false),
    ),
    fastCount: executable.fastCount,
    prints: outcome.prints,
    watch: watched?.log(),
    executed: outcome.executed,
  };
}

/** What `prepare` takes of the options. */
export const prepareOptions = ({
  fast,
  preciseFp,
  seed,
  maxSteps,
}: RunOptions): PrepareOptions => ({
  ...(fast === undefined ? {} : { fast }),
  ...(preciseFp === undefined ? {} : { preciseFp }),
  ...(seed === undefined ? {} : { seed }),
  ...(maxSteps === undefined ? {} : { maxSteps }),
});

/** What the kernel returned as one view of an output storage. */
export function outputOf(
  program: Program,
  executable: Executable,
  view: TracedOutput,
  outputs: readonly Uint8Array[],
  wide: boolean,
): OutputTensor {
  const { name, dtype, shape, offset } = view;
  const n = program.outputs.indexOf(view.storage);
  const length = elementCount(shape) * bytesOf(dtype);
  const tensor = { name, dtype, shape, bytes: outputs[n]!.subarray(offset, offset + length) };
  // A view of another type has no values before rounding of its own.
  if (!wide || dtype !== program.storages[view.storage]!.dtype) return tensor;
  const from = offset / bytesOf(dtype);
  const values = executable.outputValues(n).subarray(from, from + elementCount(shape));
  return { ...tensor, wideValues: values };
}

/** Outputs of a Program whose host said nothing finer. */
export const wholeOutputs = (program: Program): readonly TracedOutput[] =>
  program.outputs.map((storage) => {
    const { name, shape, dtype } = program.storages[storage]!;
    return { name, storage, shape, dtype, offset: 0 };
  });
