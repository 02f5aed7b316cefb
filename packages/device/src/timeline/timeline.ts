/**
 * When every instruction of a placed Program runs on its chip, and what limits it. Data is never read: loops whose bounds come
 * from memory need the trace of a run with values. docs/time.md says how time is modelled and what is not.
 */
import { toNanoseconds } from "@opentrn/base";
import { locationOf, type Program } from "@opentrn/isa";
import type { RankOptions } from "../fabric/collective-plan.ts";
import type { Placement } from "../placement/index.ts";
import { bottleneckOf } from "./bottleneck.ts";
import { type ClassPlan, ClassPlans } from "./class-plan.ts";
import { type CostUse, costsUsed } from "./costs-used.ts";
import { type CriticalPath, criticalPath } from "./critical-path.ts";
import { buildGraph } from "./dependencies.ts";
import type { DmaShape } from "./dma-shape.ts";
import { type Graph, NO_QUEUE } from "./graph.ts";
import { NO_CAUSE, type Schedule, type ScheduleOptions, schedule } from "./schedule.ts";
import type { TripOptions } from "./stream.ts";
import { queues, type Unit, units } from "./units.ts";

export interface TimelineOptions extends TripOptions, ScheduleOptions, RankOptions {}

export interface UnitTime {
  /** Time in which the unit works on at least one instruction; with several cores, their mean. */
  readonly activeNs: number;
  /** Executed instructions of all cores. */
  readonly instructions: number;
}

/** A predicted timeline. Times of single instructions are in ticks of a picosecond, everything named `Ns` in nanoseconds. */
export interface Timeline {
  readonly program: Program;
  readonly placement: Placement;
  readonly options: TimelineOptions;
  /** First trigger to last completion; start-up and shut-down of the runtime are separate. */
  readonly totalNs: number;
  readonly preambleNs: number;
  readonly postambleNs: number;
  readonly engines: Readonly<Record<Unit, UnitTime>>;
  readonly dma: {
    /** Time in which at least one transfer moves data. */
    readonly activeNs: number;
    readonly bytes: number;
    readonly transfers: number;
    readonly packets: number;
  };
  readonly hbm: { readonly readBytes: number; readonly writeBytes: number };
  /** Multiplications and additions of matmuls. */
  readonly flops: number;
  /** Share of the peak of the types multiplied, over all cores of the launch. */
  readonly mfu: number;
  /** Share of the cores' part of the HBM bandwidth. */
  readonly mbu: number;
  /** What limits the kernel, in one sentence. */
  readonly bottleneck: string;
  readonly criticalPath: CriticalPath;
  /** Costs by instruction and basis, the unknown ones first. */
  readonly costs: readonly CostUse[];
  /** Executed instructions. */
  readonly graph: Graph;
  readonly schedule: Schedule;
  /** What instructions of each class cost, by class id. */
  readonly plans: readonly ClassPlan[];
  /** What a transfer asks of the DMA engines, by class id and first partition of its tensor on chip. */
  readonly shapeOf: (classId: number, shift: number) => DmaShape;
}

/** Predicts the time of a placed Program. */
export function timeline(
  program: Program,
  placement: Placement,
  options: TimelineOptions = {},
): Timeline {
  const plans = new ClassPlans(program, undefined, options);
  const graph = buildGraph(program, placement, plans, options);
  const played = schedule(program, graph, plans, options);
  let total = 0;
  let flops = 0;
  let ideal = 0;
  for (let i = 0; i < graph.count; i++) {
    if (played.end[i]! > total) total = played.end[i]!;
    const plan = plans.plans[program.classOf[graph.index[i]!]!]!;
    if (plan.flops > 0) {
      flops += plan.flops;
      ideal += plan.flops / plan.peak;
    }
  }
  const { chip, cores } = program;
  const { dma } = played;
  const bytes = dma.hbmRead + dma.hbmWrite;
  const bandwidth = (chip.hbm.bytesPerNs.value / chip.cores.value) * cores;
  const path = criticalPath(program, graph, played);
  const engines = Object.fromEntries(
    units.map((name, u) => {
      const all = played.units.filter((_, k) => k % units.length === u);
      const active = all.reduce((n, x) => n + x.active, 0) / cores;
      const instructions = all.reduce((n, x) => n + x.instructions, 0);
      return [name, { activeNs: toNanoseconds(active), instructions }];
    }),
  ) as Readonly<Record<string, UnitTime>> as Record<Unit, UnitTime>;
  const totalNs = toNanoseconds(total);
  const summary = {
    totalNs,
    engines,
    dma: {
      activeNs: toNanoseconds(dma.active),
      bytes: dma.bytes,
      transfers: dma.transfers,
      packets: dma.packets,
    },
    mfu: total > 0 ? ideal / total / cores : 0,
    mbu: total > 0 ? bytes / totalNs / bandwidth : 0,
  };
  return {
    program,
    placement,
    options,
    ...summary,
    preambleNs: chip.sync.preambleNs.value,
    postambleNs: chip.sync.postambleNs.value,
    hbm: { readBytes: dma.hbmRead, writeBytes: dma.hbmWrite },
    flops,
    bottleneck: bottleneckOf(summary, path),
    criticalPath: path,
    costs: costsUsed(program, graph, plans),
    graph,
    schedule: played,
    plans: plans.plans,
    shapeOf: (id, shift) => plans.shapeOf(id, shift),
  };
}

/** Why an executed instruction started no earlier, in words; undefined when it did not have to wait. */
export function stallReason(t: Timeline, instance: number): string | undefined {
  const { wait, cause } = t.schedule;
  const producer = cause[instance]!;
  if (producer === NO_CAUSE || wait[instance] === 0) return undefined;
  const { program, graph } = t;
  const index = graph.index[producer]!;
  const at = locationOf(program, index);
  const queue = graph.queue[producer]!;
  const who =
    queue === NO_QUEUE
      ? `${units[graph.unit[producer]! % units.length]} ${nameOf(program, index)}`
      : `DMA ${queues[queue]!.name}`;
  const ns = toNanoseconds(wait[instance]!);
  return `waited ${ns.toFixed(0)} ns for ${who}${at ? ` at ${at.file}:${at.line}` : ""}`;
}

const nameOf = (program: Program, index: number): string =>
  program.classes[program.classOf[index]!]!.op.name;
