/** Published metrics in our terms: how each follows from a prediction, and how its error is counted. */
import type { Prediction } from "./predict.ts";

export interface Metric {
  /** The figure in the unit that rows use; `launchNs` is what the measurement holds beside the kernel, a launch. */
  readonly predicted: (p: Prediction, launchNs: number) => number;
  /** Percentages are compared by the difference in points. */
  readonly points?: true;
  /** Whether a larger figure means a slower kernel; bounds are upper then, else lower. */
  readonly slower: boolean;
}

const timeNs = (p: Prediction, launchNs: number): number => p.kernelNs + p.launches * launchNs;
const share = (part: (p: Prediction) => number): Metric => ({
  predicted: (p) => (100 * part(p)) / p.kernelNs,
  points: true,
  slower: false,
});

/** HBM bandwidth of a core that neuron-profile's MBU refers to on trn2, bytes a nanosecond (`hbm_ddr_bandwidth` in its dumps). */
const PROFILER_HBM = 716;

export const metrics: Readonly<Record<string, Metric>> = {
  latency: { predicted: (p, launch) => timeNs(p, launch) / 1e3, slower: true },
  tflops: { predicted: (p, launch) => p.flops / timeNs(p, launch) / 1e3, slower: false },
  bandwidth: {
    predicted: (p, launch) => (p.hbmReadBytes + p.hbmWriteBytes) / timeNs(p, launch),
    slower: false,
  },
  // Of the dense bf16 peak of one core, whatever the types are.
  mfu_pct: {
    predicted: (p, launch) =>
      (100 * p.flops) / timeNs(p, launch) / 1e3 / p.chip.peakTflops.bf16.value,
    points: true,
    slower: false,
  },
  mbu_pct: {
    predicted: (p) => (100 * (p.hbmReadBytes + p.hbmWriteBytes)) / p.kernelNs / PROFILER_HBM,
    points: true,
    slower: false,
  },
  pe_active_pct: share((p) => p.activeNs.tensor),
  vector_active_pct: share((p) => p.activeNs.vector),
  scalar_active_pct: share((p) => p.activeNs.scalar),
  dma_active_pct: share((p) => p.dmaActiveNs),
  hbm_read_mb: { predicted: (p) => p.hbmReadBytes / 1e6, slower: true },
  hbm_write_mb: { predicted: (p) => p.hbmWriteBytes / 1e6, slower: true },
};
