/** Collects a run's results into its report. */
import { psumBytesPerPartition } from "@opentrn/chips";
import type { PrintedTensor } from "@opentrn/device";
import type { Program } from "@opentrn/isa";
import type { DType } from "@opentrn/numerics";
import type { Tolerance } from "../check/tolerance.ts";
import type { ArgumentValue } from "../inputs/argument.ts";
import type { TracedProgram } from "../kernels/trace-kernel.ts";
import type { RunResult } from "../run/run-program.ts";
import type { RanksResult } from "../run/run-ranks.ts";
import { checkedOutput, plainOutput } from "./output-report.ts";
import { jsonValue, type PrintReport, type RunReport, warningReport } from "./report.ts";
import { timeReport } from "./time-report.ts";
import { watchReport } from "./watch-report.ts";

export interface CheckInputs {
  readonly args: Readonly<Record<string, ArgumentValue>>;
  /** Doubles by output; absent without a check. */
  readonly expected?: readonly Float64Array[] | undefined;
  /** Tolerances the user set. */
  readonly given?: Partial<Tolerance>;
}

export function reportOf(traced: TracedProgram, result: RunResult, check: CheckInputs): RunReport {
  const { program, placement } = result;
  const { chip, cores } = program;
  const { expected, given = {} } = check;
  const types: DType[] = [
    ...program.inputs.map((id) => program.storages[id]!.dtype),
    ...(result.outputs ?? []).map((o) => o.dtype),
  ];
  const count = program.starts.length;
  return {
    kernel: program.name,
    target: chip.name,
    cores,
    instructions: count,
    ...(result.fastCount === undefined ? {} : { fast: fastShare(program, result.fastCount) }),
    traced_by: traced.host,
    outputs: (result.outputs ?? []).map((o, i) =>
      expected ? checkedOutput(o, expected[i]!, types, given) : plainOutput(o),
    ),
    time: result.timeline ? timeReport(result.timeline) : null,
    memory: {
      sbuf_peak_bytes: placement.sbufPeakBytes,
      psum_peak_bytes: placement.psumPeakBytes,
      sbuf_bytes: chip.partitions.value * chip.sbuf.usableBytesPerPartition.value,
      psum_bytes: chip.partitions.value * psumBytesPerPartition(chip),
    },
    mfu: result.timeline?.mfu ?? null,
    mbu: result.timeline?.mbu ?? null,
    host: {
      trace_ms: milliseconds(traced.traceMs),
      execute_ms: milliseconds(result.host.executeMs),
      timeline_ms: milliseconds(result.host.timelineMs),
    },
    prints: result.prints.map(printReport),
    ...(result.watch ? { watch: watchReport(result.watch) } : {}),
    warnings: [...(traced.lints ?? []), ...result.warnings].map(warningReport),
  };
}

/** The report of rank 0, with what every rank returned and printed. */
export function reportOfRanks(traced: TracedProgram, result: RanksResult): RunReport {
  const { ranks, ...common } = result;
  return {
    ...reportOf(traced, { ...common, ...ranks[0]! }, { args: {} }),
    ranks: ranks.map((r) => ({
      outputs: r.outputs.map(plainOutput),
      prints: r.prints.map(printReport),
    })),
  };
}

const printReport = (p: PrintedTensor): PrintReport => ({
  prefix: p.prefix,
  dtype: p.dtype,
  shape: p.shape,
  values: Array.from<number, number | string>(p.values, jsonValue),
});

/** Of the instructions that compute; control flow has no fast path and needs none. */
function fastShare(program: Program, fast: number): number {
  const control = program.classes.map((c) => (c.op.control ? 1 : 0));
  let all = program.starts.length;
  for (const c of program.classOf) all -= control[c]!;
  return all === 0 ? 1 : fast / all;
}

/** To the microsecond; more digits are noise. */
const milliseconds = (ms: number): number => Math.round(ms * 1000) / 1000;
