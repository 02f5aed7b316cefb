/** The result of one run on a virtual chip: outputs, predicted time, and what limited it, by line. */
import type { Timeline } from "@opentrn/device";
import type { Program } from "@opentrn/isa";
import {
  type AdviceOptions,
  type Comparison,
  compare,
  type ProfileReport,
  profileOf,
  type ReferenceTensor,
  type RunReport,
  type RunResult,
  reportOf,
  settleTolerance,
  type Tolerance,
  type TracedProgram,
  valuesOf,
} from "@opentrn/runtime";
import { Output } from "./inputs.ts";

/** Predicted time in nanoseconds. */
export interface RunTime {
  readonly total: number;
  /** What limits the kernel, in one sentence. */
  readonly bottleneck: string;
  /** Share of the peak of the types multiplied. */
  readonly mfu: number;
  /** Share of the HBM bandwidth. */
  readonly mbu: number;
  readonly engines: Timeline["engines"];
  readonly dma: Timeline["dma"];
}

/** What a run should have given: a tensor in doubles. */
export type Expected = Pick<ReferenceTensor, "data"> | ArrayLike<number>;

const micro = (ns: number): string => `${(ns / 1000).toFixed(ns < 10_000 ? 2 : 1)} us`;
const place = (file: string | null, line: number | null): string =>
  file === null ? "" : ` ${file.split("/").at(-1)}:${line}`;

export class Run {
  readonly program: Program;
  readonly outputs: readonly Output[];
  /** The report that `trn run --report` writes. */
  readonly report: RunReport;
  private readonly result: RunResult;

  constructor(traced: TracedProgram, result: RunResult) {
    this.program = traced.program;
    this.result = result;
    this.outputs = (result.outputs ?? []).map((o) => new Output(o));
    this.report = reportOf(traced, result, { args: {} });
  }

  /** Every instruction with its start and end; absent where time was not asked for. */
  get timeline(): Timeline | undefined {
    return this.result.timeline;
  }

  get time(): RunTime {
    const t = this.result.timeline;
    if (!t) throw new Error("this run was made without time; leave time: false out");
    const { totalNs: total, bottleneck, mfu, mbu, engines, dma } = t;
    return { total, bottleneck, mfu, mbu, engines, dma };
  }

  /** Where the time goes and what would make it faster, each advice timed anew: what `trn profile --json` prints. */
  profile(options: AdviceOptions = {}): ProfileReport {
    const t = this.result.timeline;
    if (!t) throw new Error("this run was made without time; leave time: false out");
    return profileOf(t, options);
  }

  /** Output `n` against its reference, with the default tolerance of its types unless given. */
  check(expected: Expected, given: Partial<Tolerance> = {}, n = 0): Comparison {
    const output = this.outputs[n]!;
    const values = Float64Array.from("data" in expected ? expected.data : expected);
    const inputs = this.program.inputs.map((id) => this.program.storages[id]!.dtype);
    const tolerance = settleTolerance([...inputs, output.dtype], output.dtype, values, given);
    return compare(valuesOf(output), values, output.shape, tolerance);
  }

  /** What limited the run: engines, then the lines whose work and whose waiting took longest. */
  explain(): string {
    const { time } = this.report;
    if (!time) return `${this.report.kernel}: no time was predicted`;
    const lines = [
      `${this.report.kernel} on ${this.report.target}: ${micro(time.total_ns)} predicted, ${micro(time.range_ns[0])} to ${micro(time.range_ns[1])} on the chip`,
      ...time.outside.map((why) => `not validated: ${why}`),
    ];
    lines.push(time.bottleneck, "");
    for (const [engine, { active_ns, instructions }] of Object.entries(time.engines))
      lines.push(
        `${engine.padEnd(8)}${`${((100 * active_ns) / time.total_ns).toFixed(0)} %`.padStart(6)} busy, ${instructions} instructions`,
      );
    const { active_ns, bytes, transfers } = time.dma;
    lines.push(
      `${"dma".padEnd(8)}${`${((100 * active_ns) / time.total_ns).toFixed(0)} %`.padStart(6)} busy, ${transfers} transfers, ${(bytes / 1e6).toFixed(1)} MB`,
      "",
      "on the critical path:",
      ...time.critical_path
        .slice(0, 5)
        .map((r) => `${micro(r.ns).padStart(10)}  ${r.instruction}${place(r.file, r.line)}`),
    );
    if (time.stalls.length > 0) lines.push("", "longest waits:");
    for (const s of time.stalls.slice(0, 5))
      lines.push(
        `${micro(s.ns).padStart(10)}  ${s.engine}${place(s.file, s.line)} for ${s.waited_for}${s.waited_for_line === null ? "" : ` of line ${s.waited_for_line}`}`,
      );
    return lines.join("\n");
  }
}
