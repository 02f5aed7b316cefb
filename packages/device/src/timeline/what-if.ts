/**
 * Times a Program again with something changed: what instructions cost, which engine or queue takes them, what they wait for, or which
 * of them run at all. The timeline is run anew with the change, so that everything that follows from it follows here too.
 */
import { toNanoseconds } from "@opentrn/base";
import type { Engine, InstructionClass, Program } from "@opentrn/isa";
import { type ClassPlan, ClassPlans, type PlanChange } from "./class-plan.ts";
import { buildGraph, type WaitRules } from "./dependencies.ts";
import { type Graph, NO_QUEUE } from "./graph.ts";
import { type Schedule, schedule } from "./schedule.ts";
import type { Timeline } from "./timeline.ts";

/** What becomes of an instruction; instructions that change alike share one object. */
export interface Recast extends PlanChange {
  /** Another engine; rules are not checked here. */
  readonly engine?: Engine;
  /** It does not run: others do its work, and `waits` say who waits for whom instead. */
  readonly absent?: true;
}

export interface WhatIf {
  /** By static instruction. */
  readonly recasts?: ReadonlyMap<number, Recast>;
  /** Made anew for each timing, because rules remember what they have seen. */
  readonly waits?: () => WaitRules;
}

export interface Retimed {
  readonly totalNs: number;
  readonly graph: Graph;
  readonly schedule: Schedule;
  readonly plans: readonly ClassPlan[];
}

/**
 * The Program of a timeline under a what-if.
 * @throws OpenTrnError "invalid program" when the change makes instructions wait for each other in a circle.
 */
export function retime(t: Timeline, { recasts = new Map(), waits }: WhatIf): Retimed {
  const { program, changes, absent } = recastProgram(t.program, recasts);
  const plans = new ClassPlans(program, changes, t.options);
  const graph = buildGraph(program, t.placement, plans, t.options, waits?.());
  if (absent) leaveOut(graph, recasts);
  const played = schedule(program, graph, plans, t.options);
  let total = 0;
  for (let i = 0; i < graph.count; i++) if (played.end[i]! > total) total = played.end[i]!;
  return { totalNs: toNanoseconds(total), graph, schedule: played, plans: plans.plans };
}

/** The Program with classes of their own for instructions that change, and what changes about these classes. */
function recastProgram(
  program: Program,
  recasts: ReadonlyMap<number, Recast>,
): {
  readonly program: Program;
  readonly changes: ReadonlyMap<number, PlanChange>;
  readonly absent: boolean;
} {
  const changes = new Map<number, PlanChange>();
  if (recasts.size === 0) return { program, changes, absent: false };
  const classes = program.classes.slice();
  const classOf = program.classOf.slice();
  const made = new Map<Recast, Map<number, number>>();
  let absent = false;
  for (const [index, recast] of recasts) {
    const before = classOf[index]!;
    const known = made.get(recast) ?? new Map<number, number>();
    made.set(recast, known);
    let id = known.get(before);
    if (id === undefined) {
      id = classes.length;
      known.set(before, id);
      classes.push(recastClass(classes[before]!, id, recast));
      changes.set(id, recast.absent ? { ...recast, plan: idle } : recast);
      if (recast.absent) absent = true;
    }
    classOf[index] = id;
  }
  return { program: { ...program, classes, classOf }, changes, absent };
}

function recastClass(c: InstructionClass, id: number, { engine }: Recast): InstructionClass {
  if (engine === undefined) return { ...c, id };
  return { ...c, id, engine, call: { ...c.call, engine } };
}

/** An instruction that is not there: it keeps its place in the order and takes no time. */
const idle = (plan: ClassPlan): ClassPlan => ({
  ...plan,
  interval: 0,
  latency: 0,
  streamCycles: 0,
  loadCycles: 0,
  table: 0,
  flops: 0,
  control: "absent",
});

/** Transfers that do not run must not be submitted. */
function leaveOut(graph: Graph, recasts: ReadonlyMap<number, Recast>): void {
  for (let i = 0; i < graph.count; i++)
    if (graph.queue[i] !== NO_QUEUE && recasts.get(graph.index[i]!)?.absent === true)
      graph.queue[i] = NO_QUEUE;
}
