/** One core's way through its instructions: until the end, or until it must wait for others. */
import { OpenTrnError } from "@opentrn/base";
import type { DevicePrint, Program } from "@opentrn/isa";
import type { Core } from "./core.ts";
import { located } from "./core-context.ts";
import type { Meeting } from "./meeting.ts";
import type { Observation } from "./observer.ts";
import { type OperandValues, operandValues } from "./operand-values.ts";

export interface PrintedTensor extends OperandValues {
  readonly prefix: string;
  readonly core: number;
}

/** A core's way through its instructions as those see it that it meets. */
export interface Runner {
  readonly done: boolean;
  /** What it waits at when it is not done. */
  readonly meeting: Meeting;
  index(): number;
  /** Steps over a meeting that took place. */
  pass(): void;
}

export class CoreRun implements Runner {
  readonly core: Core;
  /** Position of the next instruction. */
  at = 0;
  private trace: Uint32Array;
  private count = 0;
  private readonly program: Program;
  private readonly prints: PrintedTensor[];
  private readonly maxSteps: number;
  private readonly printing: ReadonlyMap<number, readonly DevicePrint[]>;
  /** Positions in `printing`, ascending. */
  private readonly printPositions: readonly number[];
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
    this.trace = new Uint32Array(core.looping ? Math.max(1024, core.indices.length * 2) : 0);
    this.printing = printsByPosition(program, core);
    this.printPositions = [...this.printing.keys()].sort((a, b) => a - b);
  }

  get done(): boolean {
    return this.at >= this.core.indices.length;
  }

  get meeting(): Meeting {
    return this.core.meetings.get(this.at)!;
  }

  /** Runs until the end or a meeting. */
  advance(): void {
    try {
      while (!this.done) {
        if (this.printing.has(this.at)) this.print();
        if (this.core.meetings.has(this.at)) return;
        const stop = this.stop();
        if (stop > this.at) this.runTo(stop);
        else this.hostStep();
      }
      if (this.printing.has(this.at)) this.print();
    } catch (e) {
      throw located(this.program, e, this.index());
    }
  }

  /** How far the kernels may go without the host. */
  private stop(): number {
    const { at } = this;
    const stop = this.core.stops[at]!;
    if (this.observation) return Math.min(stop, at + 1);
    const print = this.printPositions.find((p) => p > at);
    return print === undefined ? stop : Math.min(stop, print);
  }

  private runTo(stop: number): void {
    const { core, at } = this;
    if (core.looping) for (let p = at; p < stop; p++) this.record(p);
    core.execute(at, stop, (position) => {
      this.at = position;
    });
    this.at = stop;
    this.observation?.ran(core.indices[at]!, core.context);
  }

  /** Carries out the instruction at hand, which the kernels do not know. */
  private hostStep(): void {
    const { core, at } = this;
    if (core.looping) this.record(at);
    const jump = core.jumps.get(at);
    if (jump) this.at = jump();
    else {
      core.steps.get(at)!();
      this.at++;
    }
    this.observation?.ran(core.indices[at]!, core.context);
  }

  index(): number {
    return this.core.indices[Math.min(this.at, this.core.indices.length - 1)]!;
  }

  pass(): void {
    if (this.core.looping) this.record(this.at);
    this.observation?.ran(this.core.indices[this.at]!, this.core.context);
    this.at++;
  }

  private record(position: number): void {
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
    this.trace[this.count++] = this.core.indices[position]!;
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
