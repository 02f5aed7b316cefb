/** What limits a kernel, in one sentence made from how busy the parts are and what the critical path is spent in. */
import { toNanoseconds } from "@opentrn/base";
import type { CriticalPath, PathKind } from "./critical-path.ts";
import { type Unit, units } from "./units.ts";

export interface Busy {
  readonly totalNs: number;
  readonly engines: Readonly<Record<Unit, { readonly activeNs: number }>>;
  readonly dma: { readonly activeNs: number };
  readonly mbu: number;
}

const titles: Readonly<Record<Unit, string>> = {
  tensor: "TensorE",
  vector: "VectorE",
  scalar: "ScalarE",
  gpsimd: "GpSimd",
  sync: "SyncE",
};

const advice: Readonly<Record<PathKind, string>> = {
  tensor: "TensorE work",
  vector: "VectorE work",
  scalar: "ScalarE work",
  gpsimd: "GpSimd work",
  sync: "SyncE work",
  "dma issue": "issuing DMA transfers one after the other; fewer, larger transfers would help",
  "dma start-up": "DMA start-up; larger transfers or more of them in flight would hide it",
  "dma queue":
    "transfers waiting behind others; fewer bytes, longer contiguous rows or other queues would help",
  "dma data": "moving data; fewer bytes or longer contiguous rows would help",
  "dma completion": "waiting for DMA completions to be seen; larger transfers would hide it",
  semaphores: "semaphores between engines; longer instructions would hide them",
};

/** A unit this busy is the limit whatever the path says. */
const SATURATED = 0.85;

/** `TensorE is the limit: it works 93 % of the time.` */
export function bottleneckOf(b: Busy, path: Pick<CriticalPath, "spent">): string {
  if (b.totalNs === 0) return "nothing runs";
  const share = (ns: number): number => ns / b.totalNs;
  const busiest = units.reduce((a, u) => (b.engines[u].activeNs > b.engines[a].activeNs ? u : a));
  const busy = share(b.engines[busiest].activeNs);
  const percent = (x: number): string => `${(100 * x).toFixed(0)} %`;
  if (busy >= SATURATED && busy >= share(b.dma.activeNs))
    return `${titles[busiest]} is the limit: it works ${percent(busy)} of the time`;
  const kinds = Object.entries(path.spent) as [PathKind, number][];
  const [kind, ticks] = kinds.reduce((a, k) => (k[1] > a[1] ? k : a));
  const part = toNanoseconds(ticks) / b.totalNs;
  if ((kind === "dma data" || kind === "dma queue") && share(b.dma.activeNs) >= SATURATED)
    return `DMA is the limit: it moves data ${percent(share(b.dma.activeNs))} of the time, at ${percent(b.mbu)} of the HBM bandwidth`;
  return `${percent(part)} of the critical path is ${advice[kind]}`;
}
