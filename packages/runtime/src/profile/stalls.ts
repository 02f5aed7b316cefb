/** Why engines stand still: waits by who waited, what it waited for and why, summed over all instances of a source line. */
import { toNanoseconds } from "@opentrn/base";
import { edgeKinds, NO_CAUSE } from "@opentrn/device";
import { type Execution, siteAt } from "./execution.ts";
import type { StallRow } from "./profile-report.ts";
import { Sums, shareOf, siteReport } from "./rows.ts";

/** Calls `visit` for every instance that stood still for a producer, with why. */
export function visitStalls(
  { graph, schedule }: Pick<Execution, "graph" | "schedule">,
  visit: (waiter: number, cause: number, why: number, ticks: number) => void,
): void {
  const { edgeStart, producer, kind } = graph;
  for (let i = 0; i < graph.count; i++) {
    const cause = schedule.cause[i]!;
    const ticks = schedule.wait[i]!;
    if (cause === NO_CAUSE || !(ticks > 0)) continue;
    for (let e = edgeStart[i]!; e < edgeStart[i + 1]!; e++)
      if (producer[e] === cause) {
        visit(i, cause, kind[e]!, ticks);
        break;
      }
  }
}

export function stallReport(e: Execution): StallRow[] {
  const rows = new Sums();
  const sites = e.sites.length;
  visitStalls(e, (waiter, cause, why, ticks) => {
    const pair = siteAt(e, waiter).id * sites + siteAt(e, cause).id;
    rows.add(pair * edgeKinds.length + why, ticks);
  });
  return rows.sorted().map(({ key, ticks, count }) => {
    const pair = Math.floor(key / edgeKinds.length);
    const ns = toNanoseconds(ticks);
    return {
      waiter: siteReport(e.sites[Math.floor(pair / sites)]!),
      cause: siteReport(e.sites[pair % sites]!),
      why: edgeKinds[key % edgeKinds.length]!,
      ns,
      share: shareOf(ns, e.totalNs),
      count,
    };
  });
}
