/** Explains a timeline: everything that `trn profile` prints, as plain data. */
import type { Timeline } from "@opentrn/device";
import { type AdviceOptions, advise } from "./advice/advise.ts";
import { Study } from "./advice/study.ts";
import { criticalPathReport } from "./critical-path.ts";
import { dmaReport } from "./dma.ts";
import { executionOf } from "./from-timeline.ts";
import { hbmReport } from "./hbm-traffic.ts";
import { PROFILE_SCHEMA, type ProfileReport } from "./profile-report.ts";
import { rooflineReport } from "./roofline.ts";
import { stallReport } from "./stalls.ts";
import { transposeReport } from "./transposes.ts";
import { utilisation } from "./utilisation.ts";

/** The profile of a predicted run. */
export function profileOf(t: Timeline, options: AdviceOptions = {}): ProfileReport {
  const e = executionOf(t);
  const { advice, timed, skipped } = advise(new Study(t, e), options);
  const { engines, kinds } = utilisation(e);
  return {
    schema: PROFILE_SCHEMA,
    kernel: e.name,
    target: e.chip.name,
    cores: e.cores,
    origin: "predicted",
    instructions: e.graph.count,
    total_ns: e.totalNs,
    bottleneck: t.bottleneck,
    critical_path: criticalPathReport(e),
    engines,
    instruction_kinds: kinds,
    stalls: stallReport(e),
    dma: dmaReport(e),
    hbm: hbmReport(e, t),
    transposes: transposeReport(e),
    roofline: rooflineReport(e),
    advice,
    what_ifs: { timed, skipped },
  };
}
