/**
 * What ran and when, as every analysis of a profile reads it: instances with times and waits in flat arrays, and once for many of them
 * what kind of instruction they are and which source line issued them. Predicted and recorded kernels both take this form.
 */
import type { Chip } from "@opentrn/chips";
import type { ClassPlan, DmaShape, Graph, Schedule, Unit } from "@opentrn/device";
import type { InstructionClass } from "@opentrn/isa";

/** What instances have in common: operation, shapes, engine. */
export interface Kind {
  /** Name of the operation: of NKI, or the opcode of a recorded instruction that no record describes. */
  readonly instruction: string;
  /** Costs and rules; absent for what the sequencer does on its own. */
  readonly of: InstructionClass | undefined;
  readonly plan: ClassPlan;
  /** Loops, branches, waits: no work on data. */
  readonly control: boolean;
}

/** Where instructions come from: one operation of one source line on one engine (or DMA queue), for transfers of one HBM tensor. */
export interface Site {
  readonly id: number;
  readonly file: string | null;
  readonly line: number | null;
  /** Operation as NKI writes it, or what a recording calls it. */
  readonly instruction: string;
  /** Engine, or DMA queue as the profiler names it. */
  readonly engine: string;
  /** HBM tensor of a transfer. */
  readonly tensor: string | null;
}

export interface Execution {
  readonly name: string;
  readonly chip: Chip;
  readonly cores: number;
  /** Sets of units in the graph: the cores, and for a recording what stands for the world outside them. */
  readonly unitSets: number;
  readonly totalNs: number;
  /** Instances with their waits; `graph.index` numbers what `kindOf` and `siteOf` are indexed by. */
  readonly graph: Graph;
  /** Ticks of a picosecond. */
  readonly schedule: Schedule;
  /** Kind and site by static instruction. */
  readonly kindOf: Uint32Array;
  readonly siteOf: Uint32Array;
  readonly kinds: readonly Kind[];
  readonly sites: readonly Site[];
  /** What a transfer asks of the DMA engines. */
  readonly shapeOf: (instance: number) => DmaShape;
}

export const kindAt = (e: Execution, instance: number): Kind =>
  e.kinds[e.kindOf[e.graph.index[instance]!]!]!;
export const siteAt = (e: Execution, instance: number): Site =>
  e.sites[e.siteOf[e.graph.index[instance]!]!]!;

/** Names of engines as people write them. */
export const engineTitles: Readonly<Record<Unit, string>> = {
  tensor: "TensorE",
  vector: "VectorE",
  scalar: "ScalarE",
  gpsimd: "GpSimd",
  sync: "SyncE",
};
