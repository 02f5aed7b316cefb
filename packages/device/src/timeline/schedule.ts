/**
 * Plays a graph forward in time. Every unit starts its instructions in order, as soon as its sequencer and its pipeline are free
 * and what it waits for is done. Transfers are submitted in the order of their triggers over all cores, because they share
 * engines and memory; everything else depends on edges only and needs no global order.
 */
import { OpenTrnError, TICKS_PER_NANOSECOND, toTicks } from "@opentrn/base";
import type { Program } from "@opentrn/isa";
import { BusyTime } from "./busy-time.ts";
import type { ClassPlan, Plans } from "./class-plan.ts";
import { DmaEngines } from "./dma-engines.ts";
import { edge, type Graph, NO_QUEUE } from "./graph.ts";
import { HbmShare } from "./hbm-share.ts";
import { type Meeting, meetingsOf } from "./meetings.ts";
import { type ModelChanges, modelValue } from "./model-constants.ts";
import { TensorDuty } from "./tensor-duty.ts";
import { type Times, timesOf } from "./times.ts";
import { queues, unitId, units } from "./units.ts";

/** What an instance's start was determined by, where it is no producer. */
export const NO_CAUSE = -1;

/** Times of all instances, in ticks. */
export interface Schedule {
  readonly start: Float64Array;
  /** Result visible; for transfers the last byte's semaphore write. */
  readonly end: Float64Array;
  /** When a matmul's weights began to load, which is before `start` after a pause; 0 for others. */
  readonly issue: Float64Array;
  /** 1 where a matmul's stream ended in a window at full rate. */
  readonly warm: Uint8Array;
  /** Ticks the unit stood idle before the start because a producer was not done. */
  readonly wait: Float64Array;
  /** The producer that the start waited for, or -1 when the unit itself was the last to be ready. */
  readonly cause: Int32Array;
  /** When descriptors of transfers reach the first DMA engine, and their first data; 0 for others. */
  readonly arrival: Float64Array;
  readonly firstData: Float64Array;
  /** Activation table loads as `[instance, start]`. */
  readonly tableLoads: readonly (readonly [instance: number, start: number])[];
  readonly units: readonly UnitTotals[];
  readonly dma: DmaTotals;
  /** Instances of collectives between ranks, in the order they were started. */
  readonly collectives: readonly number[];
}

export interface UnitTotals {
  active: number;
  instructions: number;
}

export interface DmaTotals {
  active: number;
  bytes: number;
  transfers: number;
  packets: number;
  hbmRead: number;
  hbmWrite: number;
}

/** Mutable state of one unit of one core. */
interface UnitState extends UnitTotals {
  readonly kind: number;
  readonly core: number;
  /** Position in the unit's list of instances, and its end. */
  at: number;
  readonly to: number;
  sequencerFree: number;
  pipelineFree: number;
  lastEnd: number;
  table: number;
  readonly duty: TensorDuty | undefined;
  /** Producer that is not done yet, or -1. */
  blockedOn: number;
  /** A transfer whose trigger is ready, at `ready`. */
  triggers: boolean;
  ready: number;
  cause: number;
  arrived: boolean;
}

export interface ScheduleOptions {
  /** Nanoseconds from the kernel's start to a border between two duty windows of the tensor engine; default 0. */
  readonly dutyPhaseNs?: number | undefined;
  /**
   * What a cycle with less than all rows of the array counts for the duty limiter, against the share of rows; default 1. For what-ifs:
   * the share is derived from whole kernels, and the documents' threshold is half and not three eighths.
   */
  readonly narrowRows?: number | undefined;
  readonly model?: ModelChanges | undefined;
  /** Ticks by instance of a collective: when the last of the other ranks is ready for it. */
  readonly othersReady?: ReadonlyMap<number, number> | undefined;
}

/** What is played: a Program, or an instruction stream from elsewhere in the same form. */
export type Played = Pick<Program, "chip" | "cores" | "classOf" | "classes">;

export function schedule(
  program: Played,
  graph: Graph,
  plans: Plans,
  options: ScheduleOptions = {},
): Schedule {
  return new Scheduler(program, graph, plans, options).run();
}

class Scheduler {
  private readonly program: Played;
  private readonly graph: Graph;
  private readonly plans: readonly ClassPlan[];
  private readonly shapes: Plans;
  private readonly times: Times;
  private readonly states: UnitState[] = [];
  /** Instances by unit, in order. */
  private readonly order: Uint32Array;
  private readonly start: Float64Array;
  private readonly end: Float64Array;
  private readonly issue: Float64Array;
  private readonly warm: Uint8Array;
  private readonly wait: Float64Array;
  private readonly cause: Int32Array;
  private readonly arrival: Float64Array;
  private readonly firstData: Float64Array;
  private readonly tableLoads: (readonly [number, number])[] = [];
  private readonly dma: DmaEngines[];
  /**
   * All stacks together: addresses are interleaved over memory channels, and two cores of one launch were measured at 820 GB/s
   * (kda-for-trainium, adamw), more than the 725 of the stack beside them.
   */
  private readonly hbm: HbmShare;
  private readonly transfers = new BusyTime();
  /** Instances of collectives as they were started, and when each core's last one is over. */
  private readonly collectives: number[] = [];
  private readonly collectiveFree: Float64Array;
  private readonly others: ReadonlyMap<number, number> | undefined;
  private readonly totals: DmaTotals = {
    active: 0,
    bytes: 0,
    transfers: 0,
    packets: 0,
    hbmRead: 0,
    hbmWrite: 0,
  };
  private readonly meetings: ReadonlyMap<number, Meeting>;
  private readonly narrowRows: number;
  private readonly freeLoadCycles: number;

  constructor(program: Played, graph: Graph, plans: Plans, options: ScheduleOptions) {
    this.program = program;
    this.graph = graph;
    this.plans = plans.plans;
    this.shapes = plans;
    this.times = timesOf(program.chip);
    this.narrowRows = options.narrowRows ?? 1;
    this.collectiveFree = new Float64Array(program.cores);
    this.others = options.othersReady;
    const n = graph.count;
    this.start = new Float64Array(n).fill(-1);
    this.end = new Float64Array(n).fill(-1);
    this.issue = new Float64Array(n);
    this.warm = new Uint8Array(n);
    this.wait = new Float64Array(n);
    this.cause = new Int32Array(n).fill(NO_CAUSE);
    this.arrival = new Float64Array(n);
    this.firstData = new Float64Array(n);
    this.order = new Uint32Array(n);
    this.meetings = meetingsOf(program, graph);
    const all = program.cores * units.length;
    const counts = new Uint32Array(all + 1);
    for (let i = 0; i < n; i++) counts[graph.unit[i]! + 1]!++;
    for (let u = 0; u < all; u++) counts[u + 1]! += counts[u]!;
    const fill = counts.slice();
    for (let i = 0; i < n; i++) this.order[fill[graph.unit[i]!]!++] = i;
    for (let u = 0; u < all; u++)
      this.states.push({
        kind: u % units.length,
        core: Math.floor(u / units.length),
        at: counts[u]!,
        to: counts[u + 1]!,
        sequencerFree: 0,
        pipelineFree: 0,
        lastEnd: 0,
        table: 0,
        duty:
          u % units.length === unitId.tensor
            ? new TensorDuty(program.chip.tensor, options.dutyPhaseNs)
            : undefined,
        blockedOn: -1,
        triggers: false,
        ready: 0,
        cause: NO_CAUSE,
        arrived: false,
        active: 0,
        instructions: counts[u + 1]! - counts[u]!,
      });
    const { dma, hbm } = program.chip;
    this.dma = Array.from(
      { length: program.cores },
      () => new DmaEngines(dma.enginesPerCore.value),
    );
    this.freeLoadCycles = modelValue("freeLoadCycles", options.model);
    this.hbm = new HbmShare(
      hbm.bytesPerNs.value / TICKS_PER_NANOSECOND,
      toTicks(modelValue("hbmSlotNs", options.model)),
    );
  }

  run(): Schedule {
    const waiting = this.states.slice();
    for (;;) {
      for (let s = waiting.pop(); s; s = waiting.pop()) this.advance(s, waiting);
      let next: UnitState | undefined;
      for (const s of this.states)
        if (s.triggers && (next === undefined || s.ready < next.ready)) next = s;
      if (next === undefined) break;
      next.triggers = false;
      this.trigger(next);
      this.done(next, waiting);
      waiting.push(next);
    }
    const stuck = this.states.find((s) => s.at < s.to);
    if (stuck) throw this.deadlock(stuck);
    this.totals.active = this.transfers.total();
    return {
      start: this.start,
      end: this.end,
      issue: this.issue,
      warm: this.warm,
      wait: this.wait,
      cause: this.cause,
      arrival: this.arrival,
      firstData: this.firstData,
      tableLoads: this.tableLoads,
      units: this.states,
      dma: this.totals,
      collectives: this.collectives,
    };
  }

  /** Runs a unit until its next instruction is a transfer, must wait, or there is none. */
  private advance(s: UnitState, waiting: UnitState[]): void {
    while (s.at < s.to) {
      const i = this.order[s.at]!;
      if (!this.resolve(s, i)) return;
      const meeting = this.meetings.get(i);
      if (meeting) {
        this.meet(s, meeting, waiting);
        return;
      }
      if (this.graph.queue[i] !== NO_QUEUE) {
        s.triggers = true;
        s.ready = Math.max(s.ready, this.sequencer(s, i));
        return;
      }
      this.compute(s, i);
      this.done(s, waiting);
    }
  }

  /** The instruction at hand is over: go on, and wake who waits for it. */
  private done(s: UnitState, waiting: UnitState[]): void {
    const i = this.order[s.at++]!;
    for (const other of this.states)
      if (other.blockedOn === i) {
        other.blockedOn = -1;
        waiting.push(other);
      }
  }

  /** Whether all producers of `i` are done; then `s.ready` and `s.cause` say when and which was last. */
  private resolve(s: UnitState, i: number): boolean {
    const { edgeStart, producer, kind, queue, unit } = this.graph;
    const semaphore =
      s.kind === unitId.tensor ? this.times.semaphoreToTensor : this.times.semaphore;
    let ready = 0;
    let cause = NO_CAUSE;
    for (let e = edgeStart[i]!; e < edgeStart[i + 1]!; e++) {
      const p = producer[e]!;
      const end = this.end[p]!;
      if (end < 0) {
        s.blockedOn = p;
        return false;
      }
      const local = kind[e] === edge.register && unit[p] === unit[i];
      const seen = end + (queue[p] !== NO_QUEUE ? this.times.complete : local ? 0 : semaphore);
      if (seen > ready) {
        ready = seen;
        cause = p;
      }
    }
    s.ready = ready;
    s.cause = cause;
    return true;
  }

  /** When the sequencer gets to `i`: each wait beyond those an instruction carries is an instruction of its own. */
  private sequencer(s: UnitState, i: number): number {
    const { edgeStart } = this.graph;
    // A matmul is two instructions (load and multiply), each with a wait of its own.
    const carried = s.kind === unitId.tensor ? 2 : 1;
    const extra = edgeStart[i + 1]! - edgeStart[i]! - carried;
    return extra > 0 ? s.sequencerFree + extra * this.times.extraWait : s.sequencerFree;
  }

  private compute(s: UnitState, i: number): void {
    const plan = this.plans[this.program.classOf[this.graph.index[i]!]!]!;
    if (plan.fabric) {
      this.collect(s, i, plan);
      return;
    }
    if (plan.control !== undefined) {
      this.branch(s, i, plan);
      return;
    }
    let free = Math.max(this.sequencer(s, i), s.pipelineFree);
    if (plan.table > 0 && plan.table !== s.table) {
      s.table = plan.table;
      this.tableLoads.push([i, free]);
      this.occupy(s, free, free + this.times.tableLoad);
      free += this.times.tableLoad;
    }
    let start = free;
    if (s.ready > free) {
      start = s.ready;
      this.wait[i] = start - free;
      this.cause[i] = s.cause;
    }
    let end = start + plan.latency;
    let pipeline = start + plan.interval;
    if (plan.streamCycles > 0 && s.duty) {
      // The first matmul after a pause shows its weight load; later ones load while the array is busy.
      this.issue[i] = start;
      if (start > s.pipelineFree) start += this.weightLoad(s.duty.rateAt(start), plan.loadCycles);
      const rows = plan.rows < 1 ? plan.rows * this.narrowRows : plan.rows;
      const streamed = s.duty.stream(start, plan.streamCycles, rows);
      // The gap between two streams vanishes when the limiter stretches them.
      const gap = plan.interval - Math.round(plan.streamCycles * this.times.tensorCycle);
      pipeline = s.duty.rate === 1 ? streamed + Math.max(0, gap) : streamed;
      end = streamed + (s.duty.rate === 1 ? this.times.tensorTail : this.times.tensorColdTail);
      this.warm[i] = s.duty.rate === 1 ? 1 : 0;
    }
    this.start[i] = start;
    this.end[i] = end;
    s.sequencerFree = start;
    s.pipelineFree = pipeline;
    this.occupy(s, start, end);
  }

  /** After a pause the array takes the first rows at full rate even in a cold window (161 ns against 104 for 256 cycles). */
  private weightLoad(rate: number, cycles: number): number {
    const free = Math.min(cycles, this.freeLoadCycles);
    return Math.round((free + (cycles - free) / rate) * this.times.tensorCycle);
  }

  /** Branches and register moves keep the sequencer busy and leave the pipeline alone. */
  private branch(s: UnitState, i: number, plan: ClassPlan): void {
    const free = this.sequencer(s, i);
    const start = Math.max(free, s.ready);
    if (s.ready > free) {
      this.wait[i] = start - free;
      this.cause[i] = s.cause;
    }
    this.start[i] = start;
    this.end[i] = start + plan.latency;
    s.sequencerFree = start + plan.interval;
    this.occupy(s, start, start + plan.latency);
  }

  /** A collective starts when this rank and the others are there and the one before it is over; the sequencer only hands it on. */
  private collect(s: UnitState, i: number, plan: ClassPlan): void {
    const free = Math.max(this.sequencer(s, i), this.collectiveFree[s.core]!);
    const start = Math.max(free, s.ready);
    if (s.ready > free) {
      this.wait[i] = start - free;
      this.cause[i] = s.cause;
    }
    const others = this.others?.get(i) ?? 0;
    this.start[i] = start;
    this.end[i] = Math.max(start, others) + plan.latency;
    this.collectives.push(i);
    this.collectiveFree[s.core] = this.end[i]!;
    s.sequencerFree = start + plan.interval;
    this.occupy(s, start, start + plan.interval);
  }

  private trigger(s: UnitState): void {
    const i = this.order[s.at]!;
    const index = this.graph.index[i]!;
    const plan = this.plans[this.program.classOf[index]!]!;
    const free = this.sequencer(s, i);
    const start = s.ready;
    if (start > free) {
      this.wait[i] = start - free;
      this.cause[i] = s.cause;
    }
    const shape = this.shapes.shapeOf(this.program.classOf[index]!, this.graph.shift.get(i) ?? 0);
    const queue = this.graph.queue[i]!;
    const { startUp, stagger } =
      this.times.paths[queues[queue]!.path][shape.reads === "hbm" ? "read" : "write"];
    const engines = this.dma[s.core]!;
    // Software descriptors are written before the trigger, hardware ones after it.
    const written = queues[queue]!.path === "software" ? start + plan.latency : start;
    engines.submit(queue, written + startUp, stagger, shape.service);
    const traffic = shape.hbmRead + shape.hbmWrite;
    const end = Math.round(this.hbm.reserve(engines.firstData, engines.end, traffic));
    if (end > engines.end) engines.delay(queue, end);
    this.start[i] = start;
    this.end[i] = end;
    this.arrival[i] = written + startUp;
    this.firstData[i] = engines.firstData;
    s.sequencerFree = start + plan.interval;
    this.occupy(s, start, start + plan.latency);
    const t = this.totals;
    const busy = Math.max(end, engines.busyUntil);
    this.transfers.add(s.core * queues.length + queue, engines.firstData, busy);
    t.bytes += shape.bytes;
    t.transfers++;
    t.packets += shape.packets;
    t.hbmRead += shape.hbmRead;
    t.hbmWrite += shape.hbmWrite;
  }

  /** A unit stands at a meeting; when the last one comes, all go on together. */
  private meet(s: UnitState, meeting: Meeting, waiting: UnitState[]): void {
    s.arrived = true;
    const members = this.states.filter(
      (o) => o.arrived && meeting.instances.includes(this.order[o.at]!),
    );
    if (members.length < meeting.instances.length) return;
    const together = Math.max(
      ...members.map((m) => Math.max(m.ready, m.sequencerFree, m.pipelineFree)),
    );
    for (const m of members) {
      m.arrived = false;
      m.ready = together;
      const i = this.order[m.at]!;
      if (this.graph.queue[i] !== NO_QUEUE) {
        m.triggers = true;
        continue;
      }
      this.compute(m, i);
      this.done(m, waiting);
      waiting.push(m);
    }
  }

  private occupy(s: UnitState, from: number, to: number): void {
    s.active += Math.max(0, to - Math.max(from, s.lastEnd));
    if (to > s.lastEnd) s.lastEnd = to;
  }

  private deadlock(s: UnitState): OpenTrnError {
    const i = this.order[s.at]!;
    return new OpenTrnError(
      `core ${s.core} waits for ever at instruction ${this.graph.index[i]}: the cores of the launch do not meet`,
      { category: "invalid program", rule: "core meeting" },
    );
  }
}
