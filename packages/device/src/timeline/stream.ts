/**
 * The instructions a core executes, in program order, with run-time loops unrolled. Loop counters and constants in registers are
 * followed, so most loops need no data; a bound that comes from memory needs the trace of a real run.
 */
import { OpenTrnError } from "@opentrn/base";
import {
  type DecodedInstruction,
  decodeInstruction,
  locationOf,
  MAX_REGISTERS,
  type Operand,
  type Program,
} from "@opentrn/isa";
import { type Loop, type LoopNest, loopsOf } from "../placement/index.ts";

export interface TripOptions {
  /** Executed instruction indices by core, as a run with values reports them. */
  readonly executed?: readonly Uint32Array[] | undefined;
  /** Iterations by index of the loop's first instruction, for loops whose bounds are not known. */
  readonly trips?: ReadonlyMap<number, number> | undefined;
  /** Stops loops that never end; default 50 million executed instructions. */
  readonly maxInstructions?: number | undefined;
}

/** Values of registers as far as they do not depend on data. */
export class Registers {
  readonly value = new Int32Array(MAX_REGISTERS);
  readonly known = new Uint8Array(MAX_REGISTERS);

  set(register: number, v: number | undefined): void {
    this.known[register] = v === undefined ? 0 : 1;
    this.value[register] = v ?? 0;
  }

  get(register: number): number | undefined {
    return this.known[register] === 1 ? this.value[register] : undefined;
  }
}

const DEFAULT_LIMIT = 50_000_000;

/** Walks one core's instructions; `visit` gets each static index and, for branches, the loop they belong to. */
export class CoreStream {
  readonly registers = new Registers();
  private readonly program: Program;
  private readonly core: number;
  private readonly options: TripOptions;
  private readonly nest: LoopNest;
  private readonly decoded = new Map<number, DecodedInstruction>();
  /** Iterations left of loops that run by count. */
  private readonly left = new Map<number, number>();

  constructor(
    program: Program,
    core: number,
    options: TripOptions,
    nest: LoopNest = loopsOf(program),
  ) {
    this.program = program;
    this.core = core;
    this.options = options;
    this.nest = nest;
  }

  run(visit: (index: number, loop: Loop | undefined) => void): void {
    const { coreOf, starts, cores } = this.program;
    if (!this.loops()) {
      for (let i = 0; i < starts.length; i++) {
        if (cores > 1 && coreOf[i] !== this.core) continue;
        visit(i, undefined);
        if (this.isControl(i)) this.moveRegisters(i);
      }
      return;
    }
    const trace = this.options.executed?.[this.core];
    if (trace && trace.length > 0) this.follow(trace, visit);
    else this.interpret(visit);
  }

  /** Whether this core has run-time loops. */
  private loops(): boolean {
    return this.nest.loops.some((l) => this.program.coreOf[l.begin] === this.core);
  }

  private isControl(i: number): boolean {
    return this.program.classes[this.program.classOf[i]!]!.op.control === true;
  }

  private follow(trace: Uint32Array, visit: (index: number, loop: Loop | undefined) => void): void {
    for (const i of trace) {
      const control = this.isControl(i);
      visit(i, control ? this.loopAt(i) : undefined);
      if (control) this.moveRegisters(i);
    }
  }

  private interpret(visit: (index: number, loop: Loop | undefined) => void): void {
    const { coreOf, starts } = this.program;
    const limit = this.options.maxInstructions ?? DEFAULT_LIMIT;
    let count = 0;
    for (let i = 0; i < starts.length; ) {
      if (coreOf[i] !== this.core) {
        i++;
        continue;
      }
      if (++count > limit)
        throw new OpenTrnError(
          `the kernel executes more than ${limit} instructions; a run-time loop may never end`,
          { category: "limit reached", rule: "max-instructions", at: locationOf(this.program, i) },
        );
      const control = this.isControl(i);
      const loop = control ? this.loopAt(i) : undefined;
      visit(i, loop);
      if (control) this.moveRegisters(i);
      i = loop ? this.branch(i, loop) : i + 1;
    }
  }

  /** The loop that a branch instruction opens or closes. */
  private loopAt(i: number): Loop | undefined {
    const loop = this.nest.loops[this.nest.innermost[i]!];
    return loop && (loop.begin === i || loop.end === i) ? loop : undefined;
  }

  /** What follows the branch at `i`, whose register effects have taken place. */
  private branch(i: number, loop: Loop): number {
    const counted = this.options.trips?.get(loop.begin);
    if (counted !== undefined) {
      const left = i === loop.begin ? counted : this.left.get(loop.id)! - 1;
      this.left.set(loop.id, left);
      return left > 0 ? loop.begin + 1 : loop.end + 1;
    }
    const begin = this.decode(loop.begin);
    const counts = begin.op.name === "loop_begin";
    if (!counts && i === loop.end) return loop.begin;
    const goesOn = counts
      ? this.less(begin.operands["index"], begin.operands["stop"], i)
      : this.value(begin.operands["condition"], i) !== 0;
    return goesOn ? loop.begin + 1 : loop.end + 1;
  }

  private less(a: Operand | undefined, b: Operand | undefined, at: number): boolean {
    return this.value(a, at) < this.value(b, at);
  }

  private value(o: Operand | undefined, at: number): number {
    const v = this.valueIfKnown(o);
    if (v !== undefined) return v;
    throw new OpenTrnError(
      "time alone cannot tell how often this loop runs: its bound or condition is read from memory. Run with values (without --timing-only), or give the iterations",
      { category: "unknown specification", rule: "loop trips", at: locationOf(this.program, at) },
    );
  }

  private valueIfKnown(o: Operand | undefined): number | undefined {
    if (o?.kind === "register") return this.registers.get(o.register);
    return o && o.kind !== "tile" ? o.value | 0 : undefined;
  }

  /** Carries a control instruction's effect on registers out, as far as it is known without data. */
  private moveRegisters(i: number): void {
    const d = this.decode(i);
    const target = (name: string): number | undefined => {
      const o = d.operands[name];
      return o?.kind === "register" ? o.register : undefined;
    };
    const dst = target("dst");
    if (d.op.name === "register_move" && dst !== undefined)
      this.registers.set(dst, this.valueIfKnown(d.operands["src"]));
    else if (d.op.name === "loop_begin")
      this.registers.set(target("index")!, this.valueIfKnown(d.operands["start"]));
    else if (d.op.name === "loop_end") {
      const begin = this.decode(this.loopAt(i)!.begin);
      const index = begin.operands["index"];
      if (index?.kind !== "register") return;
      const now = this.registers.get(index.register);
      const step = begin.attrs["step"] as number;
      this.registers.set(index.register, now === undefined ? undefined : now + step);
    } else if (dst !== undefined) this.registers.set(dst, undefined);
  }

  private decode(i: number): DecodedInstruction {
    const known = this.decoded.get(i);
    if (known) return known;
    const made = decodeInstruction(this.program, i);
    this.decoded.set(i, made);
    return made;
  }
}
