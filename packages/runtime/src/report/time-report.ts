/** The report's view of a timeline: totals, and by source line where the time of the critical path and of waiting went. */
import { toNanoseconds } from "@opentrn/base";
import { NO_QUEUE, queues, type Timeline, units } from "@opentrn/device";
import { locationOf, type Program, type Warning } from "@opentrn/isa";
import { outsideOf } from "../uncertainty/envelope.ts";
import { rangeOf } from "../uncertainty/range.ts";
import { evidenceOf } from "../uncertainty/regimes.ts";
import { type PathReport, reportedEngines, type StallReport, type TimeReport } from "./report.ts";

/** Rows kept of each list. */
const ROWS = 12;

export function timeReport(t: Timeline): TimeReport {
  const engines = Object.fromEntries(
    reportedEngines.map((e) => {
      const { activeNs, instructions } = t.engines[e];
      return [e, { active_ns: activeNs, instructions }];
    }),
  ) as Record<(typeof reportedEngines)[number], { active_ns: number; instructions: number }>;
  const evidence = evidenceOf([t]);
  const { low, high } = rangeOf(evidence);
  const outside = outsideOf(evidence);
  return {
    total_ns: t.totalNs,
    range_ns: [low, high],
    in_envelope: outside.length === 0,
    outside,
    engines,
    dma: { active_ns: t.dma.activeNs, bytes: t.dma.bytes, transfers: t.dma.transfers },
    hbm: { read_bytes: t.hbm.readBytes, write_bytes: t.hbm.writeBytes },
    bottleneck: t.bottleneck,
    critical_path: pathRows(t),
    stalls: stallRows(t),
  };
}

const opName = (program: Program, index: number): string =>
  program.classes[program.classOf[index]!]!.op.name;

function where(program: Program, index: number): { file: string | null; line: number | null } {
  const at = locationOf(program, index);
  return { file: at?.file ?? null, line: at?.line ?? null };
}

/** Adds up rows of one key and returns the largest. */
class Rows<T> {
  private readonly rows = new Map<string, { ticks: number; make: () => T }>();

  add(key: string, ticks: number, make: () => T): void {
    const row = this.rows.get(key);
    if (row) row.ticks += ticks;
    else this.rows.set(key, { ticks, make });
  }

  top(): (T & { ns: number })[] {
    return [...this.rows.values()]
      .sort((a, b) => b.ticks - a.ticks)
      .slice(0, ROWS)
      .map((r) => ({ ...r.make(), ns: toNanoseconds(r.ticks) }));
  }
}

/** Static key of an instruction's line and operation. */
const lineKey = (program: Program, index: number): string =>
  `${program.words[program.starts[index]! + 1]}:${program.classes[program.classOf[index]!]!.op.name}`;

function pathRows({ program, graph, criticalPath, schedule }: Timeline): PathReport[] {
  const rows = new Rows<Omit<PathReport, "ns">>();
  const { instances } = criticalPath;
  instances.forEach((instance, k) => {
    const next = instances[k + 1];
    const until = next === undefined ? schedule.end[instance]! : schedule.start[next]!;
    const index = graph.index[instance]!;
    rows.add(lineKey(program, index), until - schedule.start[instance]!, () => ({
      ...where(program, index),
      instruction: opName(program, index),
    }));
  });
  return rows.top();
}

/** Waits of the engines for other engines and for transfers; queues wait by design and are left out. */
function stallRows({ program, graph, schedule }: Timeline): StallReport[] {
  const rows = new Rows<Omit<StallReport, "ns">>();
  for (let i = 0; i < graph.count; i++) {
    const cause = schedule.cause[i]!;
    if (cause < 0 || !(schedule.wait[i]! > 0) || graph.queue[i] !== NO_QUEUE) continue;
    const [index, producer] = [graph.index[i]!, graph.index[cause]!];
    const unit = units[graph.unit[i]! % units.length]!;
    rows.add(
      `${lineKey(program, index)}:${unit}:${lineKey(program, producer)}`,
      schedule.wait[i]!,
      () => {
        const queue = graph.queue[cause]!;
        const who =
          queue === NO_QUEUE
            ? `${units[graph.unit[cause]! % units.length]} ${opName(program, producer)}`
            : `${opName(program, producer)} on ${queues[queue]!.name}`;
        const { line } = where(program, producer);
        return { ...where(program, index), engine: unit, waited_for: who, waited_for_line: line };
      },
    );
  }
  return rows.top();
}

/** Costs that nobody has published are used, and said to be. */
export const costWarnings = (t: Timeline): Warning[] =>
  t.costs
    .filter((c) => c.basis === "unknown")
    .map((c) => ({
      rule: "cost",
      message: `the time of ${c.op} is a guess (${c.says}); ${c.instructions} of them take ${Math.round(c.ns)} ns here`,
    }));
