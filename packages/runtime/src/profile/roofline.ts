/** Where a kernel stands against the peak of the types it multiplies and the HBM bandwidth of its cores. */
import { type Execution, kindAt } from "./execution.ts";
import type { HbmReport, RooflineReport } from "./profile-report.ts";
import { shareOf } from "./rows.ts";

export function rooflineReport(
  e: Execution,
  hbm: Pick<HbmReport, "read_bytes" | "write_bytes">,
): RooflineReport {
  const { chip, cores, graph, totalNs } = e;
  let [flops, ideal] = [0, 0];
  for (let i = 0; i < graph.count; i++) {
    const { plan } = kindAt(e, i);
    if (plan.flops === 0) continue;
    flops += plan.flops;
    ideal += plan.flops / plan.peak;
  }
  const bytes = hbm.read_bytes + hbm.write_bytes;
  const bandwidth = (chip.hbm.bytesPerNs.value / chip.cores.value) * cores;
  // Of the types multiplied, weighed by their operations: 1 TFLOP/s is one operation a picosecond.
  const peak = (flops > 0 ? flops / ideal : chip.peakTflops.bf16.value) * cores;
  const computeNs = flops / peak / 1000;
  const memoryNs = bytes / bandwidth;
  const intensity = bytes > 0 ? flops / bytes : null;
  const ridge = (peak * 1000) / bandwidth;
  const boundNs = Math.max(computeNs, memoryNs);
  return {
    flops,
    hbm_bytes: bytes,
    intensity,
    ridge,
    bound: computeNs > memoryNs ? "compute" : "memory",
    peak_tflops: peak,
    hbm_bytes_per_ns: bandwidth,
    attainable_tflops: boundNs > 0 ? flops / boundNs / 1000 : 0,
    achieved_tflops: totalNs > 0 ? flops / totalNs / 1000 : 0,
    compute_ns: computeNs,
    memory_ns: memoryNs,
    bound_share: shareOf(boundNs, totalNs),
  };
}
