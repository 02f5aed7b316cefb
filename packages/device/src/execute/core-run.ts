/** Runs the cores of a launch: each until it ends or must wait; then those that meet exchange data and go on. */
import { OpenTrnError } from "@opentrn/base";
import { type DevicePrint, locationOf, type Program } from "@opentrn/isa";
import type { DType } from "@opentrn/numerics";
import { type Core, located } from "./core.ts";
import { elementOffsets, readDense } from "./dense.ts";

export interface PrintedTensor {
  readonly prefix: string;
  readonly core: number;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** fp32 values, row-major. */
  readonly values: Float32Array;
}

export class CoreRun {
  readonly core: Core;
  /** Position of the next instruction. */
  at = 0;
  private trace: Uint32Array;
  private count = 0;
  private readonly program: Program;
  private readonly prints: PrintedTensor[];
  private readonly maxSteps: number;
  private readonly printing: ReadonlyMap<number, readonly DevicePrint[]>;

  constructor(program: Program, core: Core, prints: PrintedTensor[], maxSteps: number) {
    this.program = program;
    this.core = core;
    this.prints = prints;
    this.maxSteps = maxSteps;
    this.trace = new Uint32Array(core.looping ? Math.max(1024, core.steps.length * 2) : 0);
    this.printing = printsByPosition(program, core);
  }

  get done(): boolean {
    return this.at >= this.core.steps.length;
  }

  /** Runs until the end or a meeting. */
  advance(): void {
    const { core, program } = this;
    const plain = !core.looping && this.printing.size === 0 && core.meetings.size === 0;
    try {
      if (plain) for (; this.at < core.steps.length; this.at++) core.steps[this.at]!();
      else this.advanceChecked();
    } catch (e) {
      throw located(program, e, this.index());
    }
  }

  /** Program index of the instruction at hand. */
  index(): number {
    return this.core.indices[Math.min(this.at, this.core.indices.length - 1)]!;
  }

  private advanceChecked(): void {
    const { core } = this;
    while (!this.done) {
      if (this.printing.has(this.at)) this.print();
      if (core.meetings.has(this.at)) return;
      if (core.looping) this.record();
      const jump = core.jumps[this.at];
      if (jump) this.at = jump();
      else core.steps[this.at++]!();
    }
    if (this.printing.has(this.at)) this.print();
  }

  /** Steps over a meeting that took place. */
  pass(): void {
    if (this.core.looping) this.record();
    this.at++;
  }

  private record(): void {
    if (this.count >= this.maxSteps)
      throw new OpenTrnError(
        `the kernel executed more than ${this.maxSteps} instructions; a run-time loop may never end`,
        { category: "limit reached", rule: "max-steps" },
      );
    if (this.count === this.trace.length) {
      const bigger = new Uint32Array(this.count * 2);
      bigger.set(this.trace);
      this.trace = bigger;
    }
    this.trace[this.count++] = this.core.indices[this.at]!;
  }

  executed(): Uint32Array {
    return this.trace.slice(0, this.count);
  }

  private print(): void {
    const { map, core: number } = this.core.context;
    for (const p of this.printing.get(this.at)!) {
      if (p.operand.kind !== "tile") {
        const value =
          p.operand.kind === "register"
            ? this.core.state.registers[p.operand.register]!
            : p.operand.value;
        this.prints.push({
          prefix: p.prefix,
          core: number,
          dtype: "int32",
          shape: [],
          values: Float32Array.of(value),
        });
        continue;
      }
      const { pattern } = p.operand;
      const { address, strides } = map.locate(pattern, number);
      const counts = pattern.dims.map((d) => d[1]);
      const strided = { address, strides, counts, dtype: map.dtype(pattern.dtype) };
      const values = readDense(
        map,
        strided,
        elementOffsets(strides, counts),
        false,
      ) as Float32Array;
      this.prints.push({
        prefix: p.prefix,
        core: number,
        dtype: pattern.dtype,
        shape: counts,
        values,
      });
    }
  }
}

/** Prints by the position of this core's instruction they come before. */
function printsByPosition(
  program: Program,
  core: Core,
): ReadonlyMap<number, readonly DevicePrint[]> {
  const found = new Map<number, DevicePrint[]>();
  for (const p of program.prints) {
    if (p.core !== core.context.core) continue;
    let at = core.indices.findIndex((i) => i >= p.before);
    if (at < 0) at = core.indices.length;
    found.set(at, [...(found.get(at) ?? []), p]);
  }
  return found;
}

/** Runs all cores to their ends; throws when they wait for what will never come. */
export function runTogether(program: Program, runs: readonly CoreRun[]): void {
  for (;;) {
    for (const r of runs) r.advance();
    const waiting = runs.filter((r) => !r.done);
    if (waiting.length === 0) return;
    const keys = new Set(waiting.map((r) => r.core.meetings.get(r.at)!.key));
    if (waiting.length < runs.length || keys.size > 1) throw deadlock(program, runs);
    exchange(program, runs);
    for (const r of waiting) r.pass();
  }
}

function exchange(program: Program, runs: readonly CoreRun[]): void {
  const met = runs.map((r) => r.core.meetings.get(r.at)!);
  const offers = met.map((m) => m.offer?.());
  met.forEach((m, n) => {
    if (m.receiveFrom === undefined) return;
    const data = offers[m.receiveFrom];
    if (data === undefined || met[m.receiveFrom]!.sendTo !== n)
      throw located(
        program,
        new OpenTrnError(
          `sendrecv: core ${n} receives from core ${m.receiveFrom}, which sends to core ${met[m.receiveFrom]?.sendTo ?? "none"}; ranks must name each other`,
          { category: "invalid program", rule: "sendrecv ranks" },
        ),
        runs[n]!.index(),
      );
    m.accept!(data);
  });
}

function deadlock(program: Program, runs: readonly CoreRun[]): unknown {
  const states = runs.map((r, core) => {
    if (r.done) return `core ${core} has finished`;
    const at = locationOf(program, r.index());
    return `core ${core} waits at ${r.core.meetings.get(r.at)!.what}${at ? ` (${at.file}:${at.line})` : ""}`;
  });
  const stuck = runs.find((r) => !r.done)!;
  return located(
    program,
    new OpenTrnError(`deadlock: ${states.join("; ")}. Both cores must reach the same meeting`, {
      category: "invalid program",
      rule: "deadlock",
    }),
    stuck.index(),
  );
}
