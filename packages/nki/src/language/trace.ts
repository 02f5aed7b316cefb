/** The kernel being traced: where instructions go, on which core, and which source line they carry. */
import { type ErrorCategory, OpenTrnError } from "@opentrn/base";
import type { Chip } from "@opentrn/chips";
import type { AnyInstruction, Operand, ProgramBuilder, StorageRequest } from "@opentrn/isa";
import { type Caller, callerOf } from "./source-line.ts";

/** A public function of the language; the frame that called it is the user's. */
// biome-ignore lint/suspicious/noExplicitAny: entries are only compared and handed to captureStackTrace.
export type Entry = (...args: any[]) => unknown;

/** What the launch's cores declared together, in order: the second core finds the first core's tensors. */
interface Shared {
  readonly id: number;
  readonly signature: string;
}

export class Trace {
  readonly builder: ProgramBuilder;
  readonly chip: Chip;
  core = 0;
  private readonly lines: boolean;
  private registers = 0;
  private readonly shared: Shared[] = [];
  private sharedSeen = 0;
  private line: number | undefined;
  private readonly lineIds = new Map<Caller, number>();

  constructor(builder: ProgramBuilder, lines: boolean) {
    this.builder = builder;
    this.chip = builder.chip;
    this.lines = lines;
  }

  /** Starts tracing for `core`; registers and shared tensors count from the beginning. */
  enterCore(core: number): void {
    this.core = core;
    this.registers = 0;
    this.sharedSeen = 0;
    this.builder.setCore(core);
  }

  /** Runs `body` with every instruction in it on the line that called `entry`; nested calls keep the outermost line. */
  at<T>(entry: Entry, body: () => T): T {
    if (this.line !== undefined) return body();
    this.line = this.lineOf(entry);
    try {
      return body();
    } finally {
      this.line = undefined;
    }
  }

  /** The number of the source line that called `entry`. */
  lineOf(entry: Entry): number {
    if (this.line !== undefined) return this.line;
    if (!this.lines) return 0;
    const caller = callerOf(entry);
    let id = this.lineIds.get(caller);
    if (id === undefined) {
      id = this.builder.line(caller.file, caller.line, caller.function);
      this.lineIds.set(caller, id);
    }
    return id;
  }

  emit(
    entry: Entry,
    op: AnyInstruction,
    operands: Readonly<Record<string, Operand | undefined>>,
    attrs: Readonly<Record<string, unknown>>,
  ): number {
    return this.builder.emit(op, operands, attrs, this.lineOf(entry));
  }

  declare(entry: Entry, request: Omit<StorageRequest, "line" | "core">, shared: boolean): number {
    const { space, kind } = request;
    const line = this.lineOf(entry);
    if (!shared || this.builder.cores === 1)
      return this.builder.declare({
        ...request,
        line,
        ...(space === "hbm" && kind === "internal" && !shared ? { core: this.core } : {}),
      });
    const signature = `${request.dtype}[${request.shape}]`;
    const known = this.shared[this.sharedSeen++];
    if (!known) {
      const id = this.builder.declare({ ...request, line });
      this.shared.push({ id, signature });
      return id;
    }
    if (known.signature !== signature)
      this.fail(
        entry,
        "LNC",
        `core ${this.core} allocates shared tensor number ${this.sharedSeen} as ${signature}, core 0 as ${known.signature}; every core allocates the same shared tensors in the same order`,
      );
    return known.id;
  }

  newRegister(): number {
    return this.registers++;
  }

  fail(entry: Entry, rule: string, message: string, category?: ErrorCategory): never {
    return stop(entry, rule, message, category);
  }

  /** Where the outermost public call stands, for errors. */
  location(entry: Entry): Caller {
    const line = this.line === undefined ? undefined : this.builder.lines[this.line];
    return line && line.line > 0 ? line : callerOf(entry);
  }
}

let active: Trace | undefined;

/** Stops with the user's own line. */
export function stop(
  entry: Entry,
  rule: string,
  message: string,
  category: ErrorCategory = "invalid program",
): never {
  const at = active ? active.location(entry) : callerOf(entry);
  throw new OpenTrnError(message, {
    category,
    rule,
    at: at.line > 0 ? { file: at.file, line: at.line } : undefined,
  });
}

/** The kernel being traced; `nl` and `nisa` mean nothing outside one. */
export function tracing(entry: Entry): Trace {
  if (active) return active;
  return stop(
    entry,
    "kernel scope",
    "nl and nisa describe a kernel; call them inside the function given to kernel(name, fn)",
  );
}

/** The kernel being traced, if any. */
export const currentTrace = (): Trace | undefined => active;

/** Makes `trace` the one that calls go to while `body` runs. */
export function withTrace<T>(trace: Trace, body: () => T): T {
  if (active)
    throw new OpenTrnError("a kernel cannot build another kernel; call its function instead", {
      category: "invalid program",
      rule: "kernel scope",
    });
  active = trace;
  try {
    return body();
  } finally {
    active = undefined;
  }
}
