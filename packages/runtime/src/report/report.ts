/** The report of a run: the JSON that `trn run --report` writes. Scripts rely on these names and units (docs/report.md). */
import type { ElementWrite } from "@opentrn/device";
import type { Warning } from "@opentrn/isa";
import type { DType } from "@opentrn/numerics";
import type { WatchReport } from "./watch-report.ts";

export const reportedEngines = ["tensor", "vector", "scalar", "gpsimd", "sync"] as const;
export type ReportedEngine = (typeof reportedEngines)[number];

export interface OutputReport {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** Of the raw little-endian bytes. */
  readonly sha256: string;
  /** Largest error against the reference; only with a check. Infinite errors are the string "inf". */
  readonly max_abs_error?: number | "inf";
  readonly max_rel_error?: number | "inf";
  readonly check?: CheckReport;
}

export interface CheckReport {
  readonly passed: boolean;
  readonly rtol: number;
  readonly atol: number;
  readonly elements: number;
  readonly wrong: number;
  /** First element beyond the tolerance. */
  readonly first_wrong?: {
    readonly index: readonly number[];
    readonly got: number | string;
    readonly expected: number | string;
    /** The instruction that wrote it last and, through copies, what it was copied from. */
    readonly written_by?: readonly ElementWrite[];
  };
}

export interface StallReport {
  readonly file: string | null;
  readonly line: number | null;
  readonly engine: ReportedEngine;
  /** What it waited for, such as `vector tensor_copy` or `dma_copy on qSyncDynamicHW`, and where that was issued. */
  readonly waited_for: string;
  readonly waited_for_line: number | null;
  readonly ns: number;
}

export interface PathReport {
  readonly file: string | null;
  readonly line: number | null;
  readonly instruction: string;
  readonly ns: number;
}

export interface TimeReport {
  readonly total_ns: number;
  /** Nine measurements of ten are meant to lie in it (docs/accuracy.md). */
  readonly range_ns: readonly [low: number, high: number];
  /** Whether measurements cover what the kernel does, and why not. */
  readonly in_envelope: boolean;
  readonly outside: readonly string[];
  readonly engines: Readonly<
    Record<ReportedEngine, { readonly active_ns: number; readonly instructions: number }>
  >;
  readonly dma: { readonly active_ns: number; readonly bytes: number; readonly transfers: number };
  readonly hbm: { readonly read_bytes: number; readonly write_bytes: number };
  /** What limited the run, in one sentence. */
  readonly bottleneck: string;
  /** Time on the critical path, by source line. */
  readonly critical_path: readonly PathReport[];
  /** Longest waits of engines, by source line. */
  readonly stalls: readonly StallReport[];
}

export interface PrintReport {
  readonly prefix: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Not finite: a string. */
  readonly values: readonly (number | string)[];
}

export interface RankReport {
  readonly outputs: readonly OutputReport[];
  readonly prints: readonly PrintReport[];
}

export interface RunReport {
  readonly kernel: string;
  readonly target: string;
  /** Physical cores of the launch. */
  readonly cores: number;
  readonly instructions: number;
  /** Share of instructions that ran on the fast path; absent where no values were computed. */
  readonly fast?: number;
  /** What traced the kernel: cpython, pyodide, typescript or saved. */
  readonly traced_by: string;
  readonly outputs: readonly OutputReport[];
  /** Null with --no-timing. */
  readonly time: TimeReport | null;
  readonly memory: {
    readonly sbuf_peak_bytes: number;
    readonly psum_peak_bytes: number;
    readonly sbuf_bytes: number;
    readonly psum_bytes: number;
  };
  /** Matmul operations against the peak of the engines used; null with --no-timing. */
  readonly mfu: number | null;
  /** HBM bytes against the bandwidth of the cores used; null with --no-timing. */
  readonly mbu: number | null;
  readonly host: {
    readonly trace_ms: number;
    readonly execute_ms: number;
    readonly timeline_ms: number;
  };
  readonly prints: readonly PrintReport[];
  /** With --watch. */
  readonly watch?: WatchReport;
  /** With --ranks: what every rank returned, rank 0 first; the fields above are rank 0's. */
  readonly ranks?: readonly RankReport[];
  readonly warnings: readonly {
    readonly rule: string;
    readonly message: string;
    readonly file: string | null;
    readonly line: number | null;
  }[];
}

export const warningReport = (w: Warning): RunReport["warnings"][number] => ({
  rule: w.rule,
  message: w.message,
  file: w.file ?? null,
  line: w.line ?? null,
});

/** JSON has no infinities and no NaN; they travel as strings. */
export const jsonNumber = (x: number): number | "inf" => (Number.isFinite(x) ? x : "inf");
export const jsonValue = (x: number): number | string => (Number.isFinite(x) ? x : String(x));
