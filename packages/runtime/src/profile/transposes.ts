/** Transposes through engines: how many, where, and how much of TensorE's time they take. */
import { toNanoseconds } from "@opentrn/base";
import { type Execution, kindAt, siteAt } from "./execution.ts";
import { occupancy } from "./occupancy.ts";
import type { TransposeReport } from "./profile-report.ts";
import { Sums, shareOf, siteReport } from "./rows.ts";
import { isOnTensor, isTranspose } from "./utilisation.ts";

export function transposeReport(e: Execution): TransposeReport {
  const { busy } = occupancy(e);
  const lines = new Sums();
  let [tensor, transposing, count] = [0, 0, 0];
  for (let i = 0; i < e.graph.count; i++) {
    const onTensor = isOnTensor(e, i);
    if (onTensor) tensor += busy[i]!;
    if (!isTranspose(kindAt(e, i))) continue;
    count++;
    if (onTensor) transposing += busy[i]!;
    lines.add(siteAt(e, i).id, busy[i]!);
  }
  return {
    count,
    tensor_ns: toNanoseconds(transposing) / e.cores,
    tensor_share: shareOf(transposing, tensor),
    lines: lines.sorted().map((l) => ({
      ...siteReport(e.sites[l.key]!),
      count: l.count,
      ns: toNanoseconds(l.ticks),
    })),
  };
}
