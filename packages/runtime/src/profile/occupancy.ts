/** How long each instance keeps its engine from taking the next one, and what TensorE loses to windows at the cold rate. */
import { toTicks } from "@opentrn/base";
import { NO_QUEUE, unitId, units } from "@opentrn/device";
import { type Execution, kindAt } from "./execution.ts";

/** Ticks by instance. The trigger of a transfer occupies its sequencer. */
export function occupancy(e: Execution): { readonly busy: Float64Array; readonly cold: number } {
  const { graph, schedule, chip } = e;
  const { latencyCycles, duty, clockGHz } = chip.tensor;
  const cycle = toTicks(1) / clockGHz.value;
  const warmTail = latencyCycles.value * cycle;
  const coldTail = (duty?.coldLatencyCycles.value ?? latencyCycles.value) * cycle;
  const busy = new Float64Array(graph.count);
  let cold = 0;
  for (let i = 0; i < graph.count; i++) {
    const { plan } = kindAt(e, i);
    busy[i] = plan.interval;
    if (graph.unit[i]! % units.length !== unitId.tensor || plan.streamCycles === 0) continue;
    if (graph.queue[i] !== NO_QUEUE) continue;
    const warm = schedule.warm[i] === 1;
    const streamed = schedule.end[i]! - schedule.start[i]! - (warm ? warmTail : coldTail);
    // A stream that the limiter stretches has no gap after it.
    busy[i] = warm ? Math.max(plan.interval, streamed) : streamed;
    cold += Math.max(0, streamed - plan.streamCycles * cycle);
  }
  return { busy, cold };
}
