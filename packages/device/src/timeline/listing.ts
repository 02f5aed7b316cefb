/** A timeline as text, one line an executed instruction: for tests, and for reading a small kernel. */

import { NO_QUEUE } from "./graph.ts";
import { stallReason, type Timeline } from "./timeline.ts";
import { queues, units } from "./units.ts";

const ns = (ticks: number): string => (ticks / 1000).toFixed(1);

/** `vector  tensor_copy  2481.8 → 2757.9  (waited 2481 ns for …)`, in program order. */
export function listing(t: Timeline): string {
  const { graph, program, schedule } = t;
  const lines: string[] = [];
  for (let i = 0; i < graph.count; i++) {
    const unit = units[graph.unit[i]! % units.length]!;
    const core = program.cores > 1 ? `${Math.floor(graph.unit[i]! / units.length)}:` : "";
    const q = graph.queue[i]!;
    const where = q === NO_QUEUE ? unit : queues[q]!.name;
    const name = program.classes[program.classOf[graph.index[i]!]!]!.op.name;
    const why = stallReason(t, i);
    const data = q === NO_QUEUE ? "" : ` data ${ns(schedule.firstData[i]!)}`;
    lines.push(
      `${core}${where} ${name} ${ns(schedule.start[i]!)}${data} → ${ns(schedule.end[i]!)}${why ? ` (${why})` : ""}`,
    );
  }
  return `${lines.join("\n")}\n`;
}
