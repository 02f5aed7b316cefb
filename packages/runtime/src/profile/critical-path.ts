/** Where the critical path's time goes: by kind, and by source line, instruction and kind. */
import { toNanoseconds } from "@opentrn/base";
import { pathKinds, visitCriticalPath } from "@opentrn/device";
import { type Execution, siteAt } from "./execution.ts";
import type { PathPart, ProfileReport } from "./profile-report.ts";
import { Sums, shareOf, siteReport } from "./rows.ts";

/** Ticks on the critical path by site, for whoever asks which sites matter. */
export function pathTicksBySite(e: Execution): Float64Array {
  const ticks = new Float64Array(e.sites.length);
  visitCriticalPath(e.unitSets, e.graph, e.schedule, (i, _, t) => {
    ticks[siteAt(e, i).id]! += t;
  });
  return ticks;
}

export function criticalPathReport(e: Execution): ProfileReport["critical_path"] {
  const kinds = new Sums();
  const parts = new Sums();
  visitCriticalPath(e.unitSets, e.graph, e.schedule, (i, kind, ticks) => {
    if (ticks === 0) return;
    const k = pathKinds.indexOf(kind);
    kinds.add(k, ticks);
    parts.add(siteAt(e, i).id * pathKinds.length + k, ticks);
  });
  const total = e.totalNs;
  return {
    kinds: kinds.sorted().map(({ key, ticks }) => ({
      kind: pathKinds[key]!,
      ns: toNanoseconds(ticks),
      share: shareOf(toNanoseconds(ticks), total),
    })),
    parts: parts.sorted().map(({ key, ticks, count }): PathPart => {
      const site = e.sites[Math.floor(key / pathKinds.length)]!;
      const ns = toNanoseconds(ticks);
      return {
        ...siteReport(site),
        kind: pathKinds[key % pathKinds.length]!,
        ns,
        share: shareOf(ns, total),
        steps: count,
      };
    }),
  };
}
