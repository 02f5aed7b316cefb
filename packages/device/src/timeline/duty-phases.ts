/**
 * What the duty limiter may do differently from launch to launch. Its windows run free: where their borders lie against a kernel's
 * start is chance, and with it the time of kernels that use TensorE in bursts. And how much a cycle counts that uses a part of the rows
 * is derived from few kernels. This plays a timeline's Program again with other choices.
 */
import { toNanoseconds } from "@opentrn/base";
import { ClassPlans } from "./class-plan.ts";
import { modelValue } from "./model-constants.ts";
import { type ScheduleOptions, schedule } from "./schedule.ts";
import type { Timeline } from "./timeline.ts";

/** Whether the duty limiter can make a difference. */
const isLimited = ({ program, engines }: Timeline): boolean =>
  program.chip.tensor.duty !== null && engines.tensor.instructions > 0;

function totalWith({ program, graph, ...t }: Timeline, options: ScheduleOptions): number {
  const plans = new ClassPlans(program, undefined, t.options);
  const { end } = schedule(program, graph, plans, { ...t.options, ...options });
  let total = 0;
  for (let i = 0; i < graph.count; i++) if (end[i]! > total) total = end[i]!;
  return toNanoseconds(total);
}

/**
 * The kernel's time in nanoseconds with the window borders at `count` phases, evenly over one window, the timeline's own phase first;
 * one figure where no limiter is or TensorE does nothing.
 */
export function totalsByDutyPhase(t: Timeline, count: number): number[] {
  if (!isLimited(t)) return [t.totalNs];
  const { duty, clockGHz } = t.program.chip.tensor;
  const windowNs = duty!.windowCycles.value / clockGHz.value;
  return Array.from({ length: count }, (_, k) =>
    k === 0 ? t.totalNs : totalWith(t, { dutyPhaseNs: (k * windowNs) / count }),
  );
}

/**
 * The kernel's times in nanoseconds should cycles with less than all rows of the array count for so little that half of the rows never
 * keep it at full rate, and should they count for as much as the threshold's measured bounds allow. The timeline's own total where every
 * matmul uses all rows.
 */
export function totalsIfNarrowRowsCountOtherwise(t: Timeline): { less: number; more: number } {
  const narrow = t.plans.some((p) => p.streamCycles > 0 && p.rows < 1);
  if (!isLimited(t) || !narrow) return { less: t.totalNs, more: t.totalNs };
  return {
    less: totalWith(t, { narrowRows: modelValue("narrowRowsAtLeast") }),
    more: totalWith(t, { narrowRows: modelValue("narrowRowsAtMost") }),
  };
}
