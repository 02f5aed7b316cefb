/** Predicts the time of a row's kernel: builds its Programs, places them and plays them. */
import { OpenTrnError } from "@opentrn/base";
import type { Chip } from "@opentrn/chips";
import {
  listSchedule,
  type ModelChanges,
  place,
  type Timeline,
  timeline,
  type Unit,
  units,
} from "@opentrn/device";
import type { Program } from "@opentrn/isa";
import type { Kernel, TensorSpec } from "@opentrn/nki";
import type { DType } from "@opentrn/numerics";
import { type Evidence, evidenceOf } from "../uncertainty/regimes.ts";

/** A row as kernels of the validation folder see it. */
export interface CaseRow {
  readonly shapes: Readonly<Record<string, number>>;
  readonly dtype: DType;
  readonly settings: Readonly<Record<string, string | number>>;
}

export interface CaseLaunch {
  readonly kernel: Kernel;
  readonly inputs: Readonly<Record<string, TensorSpec>>;
  readonly args?: Readonly<Record<string, unknown>>;
}

export type Case = (row: CaseRow) => readonly CaseLaunch[];

/** What the timeline says of all launches of a case together. */
export interface Prediction {
  /** First trigger to last byte, without what the runtime adds; the mean over phases of the duty windows. */
  readonly kernelNs: number;
  readonly launches: number;
  readonly cores: number;
  readonly chip: Chip;
  readonly activeNs: Readonly<Record<Unit, number>>;
  readonly dmaActiveNs: number;
  readonly hbmReadBytes: number;
  readonly hbmWriteBytes: number;
  readonly flops: number;
  readonly instructions: number;
  /** Time of the one play that the active times are of. */
  readonly playedNs: number;
  /** What ranges and the envelope are computed from. */
  readonly evidence: Evidence;
}

/** How instructions are ordered: as written, or as a list scheduler would (what the real compiler does comes close to it). */
export const orders = ["list", "program-order"] as const;
export type Order = (typeof orders)[number];

/** Times a Program in an order; one that no longer fits its memories when reordered keeps its own. */
function timed(program: Program, order: Order, model: ModelChanges | undefined): Timeline {
  if (order === "list")
    try {
      const reordered = listSchedule(program, { model });
      return timeline(reordered, place(reordered), { model });
    } catch (e) {
      if (!(e instanceof OpenTrnError && e.category === "capacity")) throw e;
    }
  return timeline(program, place(program), { model });
}

/** Plays every launch of a case on `cores` cores of a chip. */
export function predict(
  make: Case,
  row: CaseRow,
  chip: Chip,
  cores: number,
  order: Order,
  model?: ModelChanges,
): Prediction {
  const launches = make(row);
  // Where one launch cannot have that many cores, each runs the kernel on its own and they share the memory.
  const lnc = chip.lnc.value.includes(cores) ? cores : 1;
  const copies = cores / lnc;
  const timelines = launches.map(({ kernel, inputs, args = {} }) => {
    const program = kernel.build({ chip, inputs, args, lnc, lines: false });
    return timed(program, order, model);
  });
  const sum = (f: (t: Timeline) => number): number => timelines.reduce((n, t) => n + f(t), 0);
  const traffic = copies * sum((t) => t.hbm.readBytes + t.hbm.writeBytes);
  const evidence = evidenceOf(timelines);
  const least = copies > 1 ? traffic / chip.hbm.bytesPerNs.value : 0;
  const kernelNs = Math.max(evidence.meanNs, least);
  if (!(kernelNs > 0))
    throw new OpenTrnError("a size is smaller than the kernel's tiles, so it does nothing", {
      category: "unsupported here",
    });
  return {
    kernelNs,
    launches: launches.length,
    cores,
    chip,
    activeNs: Object.fromEntries(
      units.map((u) => [u, sum((t) => t.engines[u].activeNs)]),
    ) as Record<Unit, number>,
    dmaActiveNs: sum((t) => t.dma.activeNs),
    hbmReadBytes: copies * sum((t) => t.hbm.readBytes),
    hbmWriteBytes: copies * sum((t) => t.hbm.writeBytes),
    flops: copies * sum((t) => t.flops),
    instructions: sum((t) => t.graph.count),
    playedNs: Math.max(evidence.totalNs, least),
    evidence,
  };
}
