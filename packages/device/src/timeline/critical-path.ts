/** The chain of instructions that decides when a kernel ends, and what its time goes into. */
import type { Program } from "@opentrn/isa";
import { type Graph, Growing, NO_QUEUE } from "./graph.ts";
import { NO_CAUSE, type Schedule } from "./schedule.ts";
import { type Unit, units } from "./units.ts";

/** What time on the critical path is spent in. */
export const pathKinds = [
  ...units,
  "dma issue",
  "dma start-up",
  "dma queue",
  "dma data",
  "dma completion",
  "semaphores",
] as const;
export type PathKind = (typeof pathKinds)[number];

export interface CriticalPath {
  /** Instances, first to last; each held the next one up from its own start to the next one's. */
  readonly instances: Int32Array;
  /** Ticks by kind; they sum to the kernel's time. */
  readonly spent: Readonly<Record<PathKind, number>>;
}

/** Told of the path's parts from its end to its start: `ticks` of `kind` at an instance. */
export type PathVisitor = (instance: number, kind: PathKind, ticks: number) => void;

/** Walks back from the last completion. */
export function criticalPath(program: Program, graph: Graph, s: Schedule): CriticalPath {
  const spent = Object.fromEntries(pathKinds.map((k) => [k, 0])) as Record<PathKind, number>;
  const instances = new Growing();
  visitCriticalPath(program.cores, graph, s, (instance, kind, ticks) => {
    if (instances.length === 0 || instances.ints[instances.length - 1] !== instance)
      instances.push(instance);
    spent[kind] += ticks;
  });
  return { instances: instances.taken().reverse(), spent };
}

/** Hands out every part of the critical path, the last one first; the parts sum to the kernel's time. */
export function visitCriticalPath(
  cores: number,
  graph: Graph,
  s: Schedule,
  visit: PathVisitor,
): void {
  if (graph.count === 0) return;
  const previous = previousOnUnit(graph, cores * units.length);
  let at = 0;
  for (let i = 1; i < graph.count; i++) if (s.end[i]! > s.end[at]!) at = i;
  let until = s.end[at]!;
  let produced = true;
  for (let guard = 0; at >= 0 && guard <= graph.count; guard++) {
    const from = s.start[at]!;
    const unit = units[graph.unit[at]! % units.length]!;
    split(visit, s, at, unit, graph.queue[at] !== NO_QUEUE, from, until, produced);
    produced = s.cause[at] !== NO_CAUSE;
    until = from;
    const next = produced ? s.cause[at]! : previous[at]!;
    if (next < 0) visit(at, unit, from);
    at = next;
  }
}

/** Spreads one step over the kinds. `produced`: the successor waited for the result, not only for the unit. */
function split(
  visit: PathVisitor,
  s: Schedule,
  i: number,
  unit: Unit,
  transfers: boolean,
  from: number,
  to: number,
  produced: boolean,
): void {
  if (!transfers || !produced) {
    const end = produced ? Math.min(s.end[i]!, to) : to;
    visit(i, transfers ? "dma issue" : unit, end - from);
    visit(i, "semaphores", to - end);
    return;
  }
  const arrival = Math.min(s.arrival[i]!, to);
  const first = Math.min(s.firstData[i]!, to);
  const end = Math.min(s.end[i]!, to);
  visit(i, "dma start-up", arrival - from);
  visit(i, "dma queue", first - arrival);
  visit(i, "dma data", end - first);
  visit(i, "dma completion", to - end);
}

/** The instance before each one on its unit, or -1. */
function previousOnUnit(graph: Graph, all: number): Int32Array {
  const last = new Int32Array(all).fill(-1);
  const previous = new Int32Array(graph.count);
  for (let i = 0; i < graph.count; i++) {
    const u = graph.unit[i]!;
    previous[i] = last[u]!;
    last[u] = i;
  }
  return previous;
}
