/** The units of one NeuronCore that run instructions in order, and the queues that DMA transfers wait in. */
import type { Engine } from "@opentrn/isa";

export const units = ["tensor", "vector", "scalar", "gpsimd", "sync"] as const;
export type Unit = (typeof units)[number];
export const unitId = {
  tensor: 0,
  vector: 1,
  scalar: 2,
  gpsimd: 3,
  sync: 4,
} as const satisfies Record<Unit, number>;

/** Who makes a transfer's descriptors: hardware (DGE), GpSimd software, or a ring written before the kernel starts. */
export type DescriptorPath = "hardware" | "software" | "ring";

export interface QueueKind {
  readonly name: string;
  /** Unit whose sequencer triggers the transfers. */
  readonly issuer: Unit;
  readonly path: DescriptorPath;
}

/** DMA queues of a core; names as the profiler shows them. */
export const queues: readonly QueueKind[] = [
  { name: "qSyncDynamicHW", issuer: "sync", path: "hardware" },
  { name: "qScalarDynamicHW", issuer: "scalar", path: "hardware" },
  { name: "qGpSimdDynamic", issuer: "gpsimd", path: "software" },
  { name: "qSyncIO", issuer: "sync", path: "ring" },
  { name: "qScalarIO", issuer: "scalar", path: "ring" },
  { name: "qGpSimdIO", issuer: "gpsimd", path: "ring" },
];

export const queueOf = (issuer: Unit, path: DescriptorPath): number => {
  const q = queues.findIndex((k) => k.issuer === issuer && k.path === path);
  if (q < 0) throw new Error(`no DMA queue from ${issuer} with ${path} descriptors`);
  return q;
};

/** Producers an instruction can wait for: the units, then the queues. */
export const SOURCES = units.length + queues.length;
export const queueSource = (queue: number): number => units.length + queue;

/** The unit of an engine; DMA transfers get theirs from the queue they use. */
export const unitOfEngine = (engine: Engine): number => (engine === "dma" ? -1 : unitId[engine]);
