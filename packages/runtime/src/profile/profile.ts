/** Explains a run or a recording: everything that `trn profile` prints, as plain data. */
import { toTicks } from "@opentrn/base";
import type { Chip } from "@opentrn/chips";
import {
  type Busy,
  bottleneckOf,
  type CriticalPath,
  pathKinds,
  replay,
  type Timeline,
  units,
} from "@opentrn/device";
import type { Profile } from "@opentrn/trace";
import { outsideOf } from "../uncertainty/envelope.ts";
import { rangeOf } from "../uncertainty/range.ts";
import { evidenceOf } from "../uncertainty/regimes.ts";
import { type Advice, type AdviceOptions, advise, ranked } from "./advice/advise.ts";
import { recordedIdeas } from "./advice/recorded.ts";
import { Study } from "./advice/study.ts";
import { criticalPathReport } from "./critical-path.ts";
import { dmaReport } from "./dma.ts";
import type { Execution } from "./execution.ts";
import { executionOfReplay } from "./from-recording.ts";
import { executionOf } from "./from-timeline.ts";
import { hbmReport } from "./hbm-traffic.ts";
import { PROFILE_SCHEMA, type ProfileReport } from "./profile-report.ts";
import { recordedActive, recordedDma, recordedHbm } from "./recorded-traffic.ts";
import { rooflineReport } from "./roofline.ts";
import { stallReport } from "./stalls.ts";
import { transposeReport } from "./transposes.ts";
import { utilisation } from "./utilisation.ts";

/** The profile of a predicted run. */
export function profileOf(t: Timeline, options: AdviceOptions = {}): ProfileReport {
  const e = executionOf(t);
  const hbm = hbmReport(e, t);
  const evidence = evidenceOf([t]);
  const { low, high } = rangeOf(evidence);
  return {
    ...common(e, "predicted", advise(new Study(t, e), options)),
    range_ns: [low, high],
    outside: outsideOf(evidence),
    bottleneck: t.bottleneck,
    dma: dmaReport(e),
    hbm,
    roofline: rooflineReport(e, hbm),
  };
}

/**
 * The profile of a recording. It is replayed on the chip's timeline, which says what waited for what and what a change would do; the
 * total, DMA packets, HBM bytes and the engines' active time are also given as recorded.
 * @throws OpenTrnError "unknown specification" for a chip whose sequencers were never measured.
 */
export function profileOfRecording(
  name: string,
  profile: Profile,
  chip: Chip,
  options: AdviceOptions = {},
): ProfileReport {
  const played = replay(profile, chip);
  const e = executionOfReplay(name, played);
  const ids = played.played.instructionOf.map((i) => i?.id);
  const advice = ranked([...recordedIdeas({ profile, e }, ids)], e.totalNs, e.graph.count, options);
  const dma = recordedDma(profile, chip, e.cores);
  const hbm = recordedHbm(profile);
  const made = common(e, "recorded", advice);
  const { durationNs } = profile.metadata;
  const engines = made.engines.map((u) => {
    const active = recordedActive(profile, u.engine, e.cores);
    const { length } = profile.instructions.filter((i) => i.engine.toLowerCase() === u.engine);
    return {
      ...u,
      instructions: length,
      recorded_active_ns: active,
      recorded_active_share: active / durationNs,
    };
  });
  const roofline = rooflineReport(e, hbm);
  return {
    ...made,
    // What the runtime added waits for itself most of the time.
    stalls: made.stalls.filter((s) => / /.test(s.waiter.instruction)),
    instructions: profile.instructions.length,
    recorded_ns: durationNs,
    bottleneck: bottleneckOfRecording(made, dma.active_ns, roofline.memory_ns),
    engines,
    dma,
    hbm,
    roofline,
  };
}

type Common = Omit<ProfileReport, "bottleneck" | "dma" | "hbm" | "roofline">;

function common(e: Execution, origin: ProfileReport["origin"], a: Advice): Common {
  const { engines, kinds } = utilisation(e);
  return {
    schema: PROFILE_SCHEMA,
    kernel: e.name,
    target: e.chip.name,
    cores: e.cores,
    origin,
    instructions: e.graph.count,
    total_ns: e.totalNs,
    critical_path: criticalPathReport(e),
    engines,
    instruction_kinds: kinds,
    stalls: stallReport(e),
    transposes: transposeReport(e),
    advice: a.advice,
    what_ifs: { timed: a.timed, skipped: a.skipped },
  };
}

function bottleneckOfRecording(r: Common, dmaActiveNs: number, memoryNs: number): string {
  const ticks = new Map(r.critical_path.kinds.map((k) => [k.kind, toTicks(k.ns)]));
  const spent = Object.fromEntries(pathKinds.map((k) => [k, ticks.get(k) ?? 0]));
  const active = new Map(r.engines.map((u) => [u.engine, u.active_ns]));
  const engines = Object.fromEntries(units.map((u) => [u, { activeNs: active.get(u) ?? 0 }]));
  return bottleneckOf(
    {
      totalNs: r.total_ns,
      engines: engines as Busy["engines"],
      dma: { activeNs: dmaActiveNs },
      mbu: memoryNs / r.total_ns,
    },
    { spent: spent as CriticalPath["spent"] },
  );
}
