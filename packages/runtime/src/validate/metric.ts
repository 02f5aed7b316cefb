/** Published metrics in our terms: how each follows from a prediction, and how its error is counted. */
import { collectiveMetrics } from "./collective.ts";
import type { Prediction } from "./predict.ts";

/** How a figure goes with time: it is one, goes down as time goes up, or does not depend on it. */
export type Kind = "time" | "rate" | "share" | "bytes";

export interface Metric {
  readonly kind: Kind;
  /** The figure in the unit that rows use; `launchNs` is what the measurement holds beside the kernel, a launch. */
  readonly predicted: (p: Prediction, launchNs: number) => number;
  /** Percentages are compared by the difference in points. */
  readonly points?: true;
  /** Whether a larger figure means a slower kernel; bounds are upper then, else lower. */
  readonly slower: boolean;
}

const timeNs = (p: Prediction, launchNs: number): number => p.kernelNs + p.launches * launchNs;
/** Shares of the one timeline that was kept, not of the mean over window phases. */
const share = (part: (p: Prediction) => number): Metric => ({
  kind: "share",
  predicted: (p) => (100 * part(p)) / p.playedNs,
  points: true,
  slower: false,
});

/** HBM bandwidth of a core that neuron-profile's MBU refers to on trn2, bytes a nanosecond (`hbm_ddr_bandwidth` in its dumps). */
const PROFILER_HBM = 716;

export const metrics: Readonly<Record<string, Metric>> = {
  latency: { kind: "time", predicted: (p, launch) => timeNs(p, launch) / 1e3, slower: true },
  tflops: {
    kind: "rate",
    predicted: (p, launch) => p.flops / timeNs(p, launch) / 1e3,
    slower: false,
  },
  bandwidth: {
    kind: "rate",
    predicted: (p, launch) => (p.hbmReadBytes + p.hbmWriteBytes) / timeNs(p, launch),
    slower: false,
  },
  // Of the dense bf16 peak of one core, whatever the types are.
  mfu_pct: {
    kind: "rate",
    predicted: (p, launch) =>
      (100 * p.flops) / timeNs(p, launch) / 1e3 / p.chip.peakTflops.bf16.value,
    points: true,
    slower: false,
  },
  mbu_pct: {
    kind: "rate",
    predicted: (p) => (100 * (p.hbmReadBytes + p.hbmWriteBytes)) / p.kernelNs / PROFILER_HBM,
    points: true,
    slower: false,
  },
  pe_active_pct: share((p) => p.activeNs.tensor),
  vector_active_pct: share((p) => p.activeNs.vector),
  scalar_active_pct: share((p) => p.activeNs.scalar),
  dma_active_pct: share((p) => p.dmaActiveNs),
  hbm_read_mb: { kind: "bytes", predicted: (p) => p.hbmReadBytes / 1e6, slower: true },
  hbm_write_mb: { kind: "bytes", predicted: (p) => p.hbmWriteBytes / 1e6, slower: true },
};

/** How a published figure goes with time; undefined for one that is not predicted. */
export const kindOf = (metric: string): Kind | undefined =>
  metrics[metric]?.kind ?? collectiveMetrics[metric];

/** Rows that say how long something took, or how fast it was. */
export const timesThings = (metric: string): boolean => /^(latency|tflops|bandwidth)$/.test(metric);

/** A predicted figure's range, from that of the time: `low` and `high` are factors of the predicted time. */
export function figureRange(
  kind: Kind,
  predicted: number,
  low: number,
  high: number,
): readonly [low: number, high: number] {
  if (kind === "time") return [predicted * low, predicted * high];
  if (kind === "rate") return [predicted / high, predicted / low];
  // Shares of time change little with it, and bytes not at all.
  return [predicted, predicted];
}

/** Logarithm of measured over predicted time, where a figure says how long something took. */
export function timeResidual(kind: Kind, measured: number, predicted: number): number {
  return kind === "time" ? Math.log(measured / predicted) : Math.log(predicted / measured);
}
