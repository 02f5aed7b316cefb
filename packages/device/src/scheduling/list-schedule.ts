/**
 * Puts a Program's instructions in the order a list scheduler would: whenever an engine is free, the instruction that can start first
 * goes, and of several the one that comes first in the program. The real compiler reorders independent instructions too; its choices
 * are not published, so this order is ours and shown as such. Two limits keep it close to the program: how far ahead it looks, and
 * the room that SBUF and PSUM have for tensors that come to life early.
 */
import { psumBytesPerPartition } from "@opentrn/chips";
import type { Program } from "@opentrn/isa";
import { ClassPlans } from "../timeline/class-plan.ts";
import { type ModelChanges, modelValue } from "../timeline/model-constants.ts";
import { timesOf } from "../timeline/times.ts";
import { queues, unitId, units } from "../timeline/units.ts";
import { type Accesses, accessesOf } from "./accesses.ts";

export interface ListOptions {
  /** Instructions past the oldest one not yet placed that are considered; default the model's. */
  readonly window?: number;
  readonly model?: ModelChanges | undefined;
}

const [HBM, SBUF, PSUM] = [0, 1, 2];
const spaces = { hbm: HBM, sbuf: SBUF, psum: PSUM } as const;

/** Why a Program keeps its order, or undefined. */
export function mustKeepOrder(program: Program): string | undefined {
  if (program.classes.some((c) => c.op.control === true))
    return "it has run-time loops or registers";
  if (program.prints.length > 0) return "it prints from the device";
  const state = program.classes.some(({ op, call: { attr, tile } }) => {
    // It starts from zero; with the sums read out nothing of it is left behind.
    if (op.name === "activation_reduce") return tile["reduce_res"] === undefined;
    const given = ["reduce_cmd", "reduce_op"].map((a) => attr[a]);
    return op.name.startsWith("activation") && given.some((v) => v !== undefined && v !== "idle");
  });
  return state ? "engines carry sums between its instructions" : undefined;
}

/** The same Program in another order; the Program itself where order must be kept. */
export function listSchedule(program: Program, options: ListOptions = {}): Program {
  if (mustKeepOrder(program) !== undefined) return program;
  const order = new ListScheduler(program, options).run();
  const position = new Uint32Array(order.length);
  order.forEach((i, at) => {
    position[i] = at;
  });
  return {
    ...program,
    starts: Uint32Array.from(order, (i) => program.starts[i]!),
    classOf: Uint32Array.from(order, (i) => program.classOf[i]!),
    coreOf: Uint8Array.from(order, (i) => program.coreOf[i]!),
    depends: program.depends.map(([a, b]) => [position[a]!, position[b]!] as const),
    ordered: [],
  };
}

class ListScheduler {
  private readonly program: Program;
  private readonly window: number;
  private readonly candidates: number;
  private readonly plans: ClassPlans;
  private readonly accesses: Accesses;
  private readonly count: number;
  private readonly missing: Uint32Array;
  private readonly followers: number[][] = [];
  private readonly ready: Float64Array;
  private readonly done: Uint8Array;
  /** Ready instructions by core and unit, in program order. */
  private readonly lists: number[][];
  private readonly free: Float64Array;
  private readonly dmaFree: Float64Array;
  /** ScalarE's table, by core and unit. */
  private readonly table: Int32Array;
  /** Uses left, by tensor; and the bytes alive, by core and memory. */
  private readonly uses: Uint32Array;
  private readonly alive: Uint8Array;
  private readonly spaceOf: Uint8Array;
  private readonly bytesOf: Float64Array;
  /** Bytes a partition alive, SBUF and PSUM of each core. */
  private readonly used: Float64Array;
  private readonly limit: readonly [sbuf: number, psum: number];
  private readonly times: ReturnType<typeof timesOf>;
  private oldest = 0;
  /** Instructions below this are considered. */
  private horizon = 0;

  constructor(program: Program, { window, model }: ListOptions) {
    this.program = program;
    this.window = window ?? modelValue("schedulerWindow", model);
    this.candidates = modelValue("schedulerCandidates", model);
    // The rest is for the oldest instructions.
    const ahead = modelValue("schedulerShare", model);
    this.plans = new ClassPlans(program);
    this.accesses = accessesOf(program, this.plans.plans);
    this.times = timesOf(program.chip);
    const n = program.starts.length;
    this.count = n;
    this.missing = new Uint32Array(n);
    this.ready = new Float64Array(n);
    this.done = new Uint8Array(n);
    this.lists = Array.from({ length: program.cores * units.length }, () => []);
    this.free = new Float64Array(program.cores * units.length);
    this.dmaFree = new Float64Array(program.cores);
    this.table = new Int32Array(program.cores * units.length);
    this.uses = new Uint32Array(program.storages.length);
    this.alive = new Uint8Array(program.storages.length);
    const { chip } = program;
    const align = [1, chip.sbuf.align.value, chip.psum.align.value];
    this.spaceOf = Uint8Array.from(program.storages, (t) => spaces[t.space]);
    this.bytesOf = Float64Array.from(program.storages, (t) => {
      const step = align[spaces[t.space]]!;
      return Math.ceil(t.rowBytes / step) * step;
    });
    this.used = new Float64Array(2 * program.cores);
    this.limit = [
      ahead * chip.sbuf.usableBytesPerPartition.value,
      ahead * psumBytesPerPartition(chip),
    ];
    for (let i = 0; i < n; i++) this.followers.push([]);
    const { start, before, touched } = this.accesses;
    for (const s of touched) this.uses[s]!++;
    for (let i = 0; i < n; i++) {
      this.missing[i] = start[i + 1]! - start[i]!;
      for (let e = start[i]!; e < start[i + 1]!; e++) this.followers[before[e]!]!.push(i);
    }
    this.slide();
  }

  /** Moves on past what is done and takes in what comes within reach. */
  private slide(): void {
    while (this.oldest < this.count && this.done[this.oldest] === 1) this.oldest++;
    const to = Math.min(this.count, this.oldest + this.window);
    while (this.horizon < to) {
      const i = this.horizon++;
      if (this.missing[i] === 0) this.enlist(i);
    }
  }

  run(): Uint32Array {
    const order = new Uint32Array(this.count);
    for (let at = 0; at < this.count; at++) {
      const i = this.choose();
      order[at] = i;
      this.place(i);
    }
    return order;
  }

  private unitOf(i: number): number {
    const plan = this.plans.plans[this.program.classOf[i]!]!;
    return this.program.coreOf[i]! * units.length + plan.unit;
  }

  private enlist(i: number): void {
    const list = this.lists[this.unitOf(i)]!;
    let at = list.length;
    while (at > 0 && list[at - 1]! > i) at--;
    list.splice(at, 0, i);
  }

  /** The ready instruction that can start first and for whose tensors there is room. */
  private choose(): number {
    let best = -1;
    let earliest = Number.POSITIVE_INFINITY;
    for (const [u, list] of this.lists.entries()) {
      const look = Math.min(this.candidates, list.length);
      for (let k = 0; k < look; k++) {
        const i = list[k]!;
        const start = Math.max(this.free[u]! + this.tableTicks(i, u), this.ready[i]!);
        if (start > earliest || (start === earliest && i > best)) continue;
        if (i !== this.oldest && !this.fits(i)) continue;
        earliest = start;
        best = i;
      }
    }
    // The oldest instruction depends on nothing that is left, so it can always go.
    return best >= 0 ? best : this.oldest;
  }

  /** Whether the tensors that begin to live with `i` leave the oldest instructions their room. */
  private fits(i: number): boolean {
    const { from, touched } = this.accesses;
    let [sbuf, psum] = [0, 0];
    for (let k = from[i]!; k < from[i + 1]!; k++) {
      const s = touched[k]!;
      if (this.alive[s] === 1) continue;
      if (this.spaceOf[s] === SBUF) sbuf += this.bytesOf[s]!;
      else if (this.spaceOf[s] === PSUM) psum += this.bytesOf[s]!;
    }
    const core = 2 * this.program.coreOf[i]!;
    return (
      (sbuf === 0 || this.used[core]! + sbuf <= this.limit[0]) &&
      (psum === 0 || this.used[core + 1]! + psum <= this.limit[1])
    );
  }

  private place(i: number): void {
    const unit = this.unitOf(i);
    const list = this.lists[unit]!;
    list.splice(list.indexOf(i), 1);
    this.done[i] = 1;
    this.occupy(i);
    const end = this.advance(i, unit);
    for (const f of this.followers[i]!) {
      this.ready[f] = Math.max(this.ready[f]!, end);
      this.missing[f]!--;
      if (this.missing[f] === 0 && f < this.horizon) this.enlist(f);
    }
    this.slide();
  }

  /** Tensors that begin and end to live with an instruction. */
  private occupy(i: number): void {
    const { from, touched } = this.accesses;
    for (let k = from[i]!; k < from[i + 1]!; k++) {
      const s = touched[k]!;
      this.uses[s]!--;
      const space = this.spaceOf[s]!;
      if (space === HBM) continue;
      const memory = 2 * this.program.coreOf[i]! + (space === SBUF ? 0 : 1);
      if (this.alive[s] === 0) {
        this.alive[s] = 1;
        this.used[memory]! += this.bytesOf[s]!;
      }
      if (this.uses[s] === 0) this.used[memory]! -= this.bytesOf[s]!;
    }
  }

  /** What it takes to load the table of a ScalarE function, where another one is there: one more reason to let another go first. */
  private tableTicks(i: number, unit: number): number {
    const { table } = this.plans.plans[this.program.classOf[i]!]!;
    return table > 0 && table !== this.table[unit] ? this.times.tableLoad : 0;
  }

  /** Plays the instruction roughly and returns when its result is there, in ticks. */
  private advance(i: number, unit: number): number {
    const id = this.program.classOf[i]!;
    const plan = this.plans.plans[id]!;
    const start = Math.max(this.free[unit]! + this.tableTicks(i, unit), this.ready[i]!);
    if (plan.table > 0) this.table[unit] = plan.table;
    this.free[unit] = start + plan.interval;
    if (plan.queue < 0) {
      const to = plan.unit === unitId.tensor ? this.times.semaphoreToTensor : this.times.semaphore;
      return start + plan.latency + to;
    }
    const core = this.program.coreOf[i]!;
    const shape = this.plans.shapeOf(id, 0);
    const path =
      this.times.paths[queues[plan.queue]!.path][shape.reads === "hbm" ? "read" : "write"];
    const service = shape.service.reduce((a, b) => Math.max(a, b), 0);
    const first = Math.max(start + path.startUp, this.dmaFree[core]!);
    this.dmaFree[core] = first + service;
    return first + service + this.times.complete;
  }
}
