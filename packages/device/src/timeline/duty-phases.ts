/**
 * The duty limiter's windows run free: where their borders lie against a kernel's start differs from launch to launch, and with it the
 * time of kernels that use TensorE in bursts or only a part of its rows. This plays a timeline's Program again at other phases.
 */
import { toNanoseconds } from "@opentrn/base";
import { ClassPlans } from "./class-plan.ts";
import { schedule } from "./schedule.ts";
import type { Timeline } from "./timeline.ts";

/** Whether the phase of the duty windows can make a difference. */
const isLimited = ({ program, engines }: Timeline): boolean =>
  program.chip.tensor.duty !== null && engines.tensor.instructions > 0;

/**
 * The kernel's time in nanoseconds with the window borders at `count` phases, evenly over one window, the timeline's own phase first;
 * one figure where no limiter is or TensorE does nothing.
 */
export function totalsByDutyPhase(t: Timeline, count: number): number[] {
  if (!isLimited(t)) return [t.totalNs];
  const { program, graph } = t;
  const { duty, clockGHz } = program.chip.tensor;
  const windowNs = duty!.windowCycles.value / clockGHz.value;
  const plans = new ClassPlans(program);
  const totals = [t.totalNs];
  for (let k = 1; k < count; k++) {
    const { end } = schedule(program, graph, plans, { dutyPhaseNs: (k * windowNs) / count });
    let total = 0;
    for (let i = 0; i < graph.count; i++) if (end[i]! > total) total = end[i]!;
    totals.push(toNanoseconds(total));
  }
  return totals;
}
