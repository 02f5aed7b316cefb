/** One traced kernel arriving from a Python host: builds and checks the Program while Python is still running. */
import { OpenTrnError } from "@opentrn/base";
import { type Chip, chipNamed } from "@opentrn/chips";
import { type Program, ProgramBuilder, ProgramStream, type Warning } from "@opentrn/isa";
import type { DType } from "@opentrn/numerics";
import { isaFingerprint } from "./fingerprint.ts";
import { type Evaluate, type ValueReport, valueReport } from "./value-report.ts";

/** A tensor that the kernel returns: a dense view of a storage, from byte `offset` on. */
export interface TracedOutput {
  readonly name: string;
  readonly storage: number;
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly offset: number;
}

export interface ReceiverOptions {
  /** Overrides what the host asks for, such as a user's own chip. */
  readonly chip?: Chip | undefined;
  readonly maxInstructions?: number | undefined;
  /** Called after every batch with the number of instructions so far. */
  readonly onProgress?: ((instructions: number) => void) | undefined;
  /** Runs a Program for a tensor that the kernel looks at while it is traced; absent: tensors have no values there. */
  readonly evaluate?: Evaluate | undefined;
}

/** What Python is told about an error: enough to raise it at the user's line. */
export interface ErrorReport {
  readonly type: "error";
  readonly category: string;
  readonly rule: string | null;
  readonly message: string;
  readonly file: string | null;
  readonly line: number | null;
  readonly function: string | null;
  /** Number of the trace it is about, as the host counts them. */
  readonly trace?: number;
}

export class TraceReceiver {
  program: Program | undefined;
  outputs: readonly TracedOutput[] = [];
  /** What the host's linter found. */
  lints: readonly Warning[] = [];
  /** The first refusal; nothing is built after it. */
  failure: OpenTrnError | undefined;
  private trace: number | undefined;
  private builder: ProgramBuilder | undefined;
  private stream: ProgramStream | undefined;
  private readonly options: ReceiverOptions;

  constructor(options: ReceiverOptions = {}) {
    this.options = options;
  }

  /** The kernel starts: its name, target and cores. */
  begin(m: Readonly<Record<string, unknown>>): void {
    this.trace = m["trace"] as number | undefined;
    this.attempt(() => {
      if (m["fingerprint"] !== isaFingerprint())
        throw new OpenTrnError(
          "the Python package was generated from other instruction records than this engine's; run npm run build",
          { category: "internal", rule: "fingerprint" },
        );
      this.builder = new ProgramBuilder({
        name: String(m["name"]),
        chip: this.options.chip ?? chipNamed(String(m["target"])),
        cores: Number(m["cores"]),
        ...(this.options.maxInstructions === undefined
          ? {}
          : { maxInstructions: this.options.maxInstructions }),
      });
      this.stream = new ProgramStream(this.builder);
    });
  }

  /** A batch of words. */
  records(words: Int32Array): void {
    this.attempt(() => {
      this.stream?.push(words);
      this.options.onProgress?.(this.builder?.length ?? 0);
    });
  }

  /** Findings of the linter: warnings that do not concern the Program. */
  linted(m: Readonly<Record<string, unknown>>): void {
    this.lints = m["warnings"] as readonly Warning[];
  }

  /** The kernel returned. */
  end(m: Readonly<Record<string, unknown>>): void {
    this.attempt(() => {
      this.stream!.finish();
      this.outputs = m["outputs"] as readonly TracedOutput[];
      this.program = this.builder!.finish();
    });
  }

  private attempt(step: () => void): void {
    if (this.failure) return;
    try {
      step();
    } catch (e) {
      this.failure =
        e instanceof OpenTrnError
          ? e
          : new OpenTrnError(`while the kernel was traced: ${e instanceof Error ? e.stack : e}`, {
              category: "internal",
            });
    }
  }

  /** The value of a tensor or register as of now, for a kernel that prints it or stops in a debugger. */
  value(m: Readonly<Record<string, unknown>>): ValueReport {
    return valueReport(this.builder!, m["operand"], this.options.evaluate);
  }

  /** The refusal as Python takes it, or undefined. */
  report(): ErrorReport | undefined {
    const e = this.failure;
    if (e === undefined) return undefined;
    const line = this.builder?.lines.find((l) => l.file === e.at?.file && l.line === e.at.line);
    return {
      type: "error",
      category: e.category,
      rule: e.rule ?? null,
      message: e.message,
      file: e.at?.file ?? null,
      line: e.at?.line ?? null,
      function: line?.function ?? null,
      ...(this.trace === undefined ? {} : { trace: this.trace }),
    };
  }
}
