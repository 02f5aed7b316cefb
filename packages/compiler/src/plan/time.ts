/** Predicted time of a plan without running it: every module is timed once, and counts as often as it is called. */
import { place, type Timeline, timeline } from "@opentrn/device";
import { callCounts, type Plan } from "./plan.ts";

export interface ModuleTime {
  /** Index into the plan's modules. */
  readonly module: number;
  readonly calls: number;
  readonly timeline: Timeline;
  /** All calls together. */
  readonly totalNs: number;
}

export interface PlanTime {
  /**
   * Sum over calls. Modules follow one another without overlap, which is an upper bound: on hardware loads of one may start while the
   * one before still computes.
   */
  readonly totalNs: number;
  readonly modules: readonly ModuleTime[];
  /** Multiplications and additions of matmuls, with those that transpose left out. */
  readonly flops: number;
  readonly hbm: { readonly readBytes: number; readonly writeBytes: number };
  readonly instructions: number;
}

/** Times every module of the plan. */
export function timePlan(
  plan: Plan,
  onModule?: (name: string, done: number, total: number) => void,
): PlanTime {
  const counts = callCounts(plan);
  const modules = plan.modules.map(({ name, program }, i): ModuleTime => {
    onModule?.(name, i, plan.modules.length);
    const timed = timeline(program, place(program));
    return { module: i, calls: counts[i]!, timeline: timed, totalNs: timed.totalNs * counts[i]! };
  });
  const sum = (of: (m: ModuleTime) => number): number =>
    modules.reduce((n, m) => n + of(m) * m.calls, 0);
  return {
    totalNs: modules.reduce((n, m) => n + m.totalNs, 0),
    modules,
    flops: sum((m) => m.timeline.flops),
    hbm: {
      readBytes: sum((m) => m.timeline.hbm.readBytes),
      writeBytes: sum((m) => m.timeline.hbm.writeBytes),
    },
    instructions: sum((m) => m.timeline.program.starts.length),
  };
}
