/** One core's way through its instructions: until the end, or until it must wait for others. */
import { OpenTrnError } from "@opentrn/base";
import type { DevicePrint, Program } from "@opentrn/isa";
import { type Core, located } from "./core.ts";
import type { Observation } from "./observer.ts";
import { type OperandValues, operandValues } from "./operand-values.ts";

export interface PrintedTensor extends OperandValues {
  readonly prefix: string;
  readonly core: number;
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
  private readonly observation: Observation | undefined;

  constructor(
    program: Program,
    core: Core,
    prints: PrintedTensor[],
    maxSteps: number,
    observation?: Observation,
  ) {
    this.observation = observation;
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
    const plain =
      !core.looping &&
      this.printing.size === 0 &&
      core.meetings.size === 0 &&
      this.observation === undefined;
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
      const { at } = this;
      const jump = core.jumps[at];
      if (jump) this.at = jump();
      else core.steps[this.at++]!();
      this.observation?.ran(core.indices[at]!, core.context);
    }
    if (this.printing.has(this.at)) this.print();
  }

  /** Steps over a meeting that took place. */
  pass(): void {
    if (this.core.looping) this.record();
    this.observation?.ran(this.core.indices[this.at]!, this.core.context);
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
    const { context } = this.core;
    for (const { prefix, operand } of this.printing.get(this.at)!)
      this.prints.push({
        prefix,
        core: context.core,
        ...operandValues(context, "device_print", operand),
      });
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
