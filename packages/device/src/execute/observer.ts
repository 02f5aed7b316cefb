/** Lets debuggers see instructions as they finish: what they wrote, and where. Runs without an observer pay nothing. */
import type { AccessPattern, Operand } from "@opentrn/isa";
import { type LaidOut, type LayoutContext, layOut } from "./operand.ts";
import { type OperandValues, operandValues } from "./operand-values.ts";

export interface Observer {
  /** Program indices of the instructions to be told about. */
  readonly instructions: ReadonlySet<number>;
  /** Called when such an instruction has run, in the order of execution. */
  readonly after: (o: Observed) => void;
}

/** One run's observer, and how many instructions its cores have executed. */
export class Observation {
  private executed = 0;
  private readonly observer: Observer;

  constructor(observer: Observer) {
    this.observer = observer;
  }

  /** Instruction `index` has run on the core of `context`. */
  ran(index: number, context: LayoutContext): void {
    const step = this.executed++;
    if (this.observer.instructions.has(index))
      this.observer.after(new Observed(index, step, context));
  }
}

/** An instruction that has just run. */
export class Observed {
  /** Program index. */
  readonly index: number;
  /** Instructions executed before this one, on all cores together. */
  readonly step: number;
  private readonly context: LayoutContext;

  constructor(index: number, step: number, context: LayoutContext) {
    this.index = index;
    this.step = step;
    this.context = context;
  }

  get core(): number {
    return this.context.core;
  }

  /** What an operand holds now; run-time addresses are resolved with the registers as they are. */
  values(o: Operand): OperandValues {
    return operandValues(this.context, "watch", o);
  }

  /** Host address of element `n` of a pattern, row-major. */
  address(p: AccessPattern, n: number): number {
    const laid = this.layOut(p);
    return laid.strided.address + laid.offsets[n]!;
  }

  /** Row-major number of the element of a pattern at a host address, or -1. */
  find(p: AccessPattern, address: number): number {
    if (!p.dynamic && !this.reaches(p, address)) return -1;
    const laid = this.layOut(p);
    if (laid.skipped) return -1;
    const n = laid.offsets.indexOf(address - laid.strided.address);
    return n >= 0 && laid.missing?.[n] ? -1 : n;
  }

  private layOut(p: AccessPattern): LaidOut & { readonly skipped: boolean } {
    const laid = layOut(this.context, "watch", "tensor", p, true);
    const skipped = laid.resolve?.() === "skip";
    return Object.assign(laid, { skipped });
  }

  /** Whether an address lies between the first and the last byte of a static pattern. */
  private reaches(p: AccessPattern, at: number): boolean {
    const { address, strides } = this.context.map.locate(p, this.context.core);
    let [low, high] = [address, address];
    strides.forEach((s, d) => {
      const far = s * (p.dims[d]![1] - 1);
      if (far < 0) low += far;
      else high += far;
    });
    return low <= at && at <= high;
  }
}
