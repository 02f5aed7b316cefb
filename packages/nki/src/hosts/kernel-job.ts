/** What is asked of a host, and what it gives back. */
import type { Chip } from "@opentrn/chips";
import type { Program, Warning } from "@opentrn/isa";
import type { DType } from "@opentrn/numerics";
import type { TracedOutput } from "./receiver.ts";
import type { Evaluate } from "./value-report.ts";

/**
 * One argument of a kernel: a tensor (its data stays with the caller), a Python literal as text (`"0.5"`, `"(1, 2)"`; what is no
 * literal is taken as a string), or a JSON value. Without a name it is positional.
 */
export type KernelArgument =
  | { readonly name?: string; readonly shape: readonly number[]; readonly dtype: DType }
  | { readonly name?: string; readonly literal: string }
  | { readonly name?: string; readonly value: unknown };

export interface KernelJob {
  /** The Python file; error messages and source lines carry it as given. */
  readonly file: string;
  /** Name of the kernel; may be left out where the file holds exactly one. */
  readonly kernel?: string | undefined;
  readonly args: readonly KernelArgument[];
  /** Absent: what the file or its environment asks for, else trn2. */
  readonly chip?: Chip | undefined;
  /** Physical cores of the logical core: 1 or 2. Absent: the kernel's own. */
  readonly lnc?: number | undefined;
  readonly maxInstructions?: number | undefined;
  readonly onProgress?: ((instructions: number) => void) | undefined;
  /** Stops the kernel, whatever it does. */
  readonly signal?: AbortSignal | undefined;
  /** Receives what the kernel prints; default: this process's own stdout and stderr. */
  readonly onPrint?: ((text: string, stream: "stdout" | "stderr") => void) | undefined;
  /** Runs the Program so far when the kernel looks at a tensor; absent: it sees shapes and types only. */
  readonly evaluate?: Evaluate | undefined;
  /** Gives the kernel this process's standard input, for `breakpoint()`; CPython only. */
  readonly stdin?: boolean | undefined;
  /** Lints the kernel, too. */
  readonly lint?: boolean | undefined;
}

export interface TracedKernel {
  readonly program: Program;
  /** Returned tensors in order. */
  readonly outputs: readonly TracedOutput[];
  readonly host: "cpython" | "pyodide";
  /** Milliseconds from start to finished Program, the interpreter's start included. */
  readonly traceMs: number;
  /** What the NKI compiler would refuse, where `lint` was asked for. */
  readonly lints: readonly Warning[];
}
