/** Predicts the time of a row's kernel: builds its Programs, places them and plays them. */
import { OpenTrnError } from "@opentrn/base";
import type { Chip } from "@opentrn/chips";
import {
  type CostUse,
  listSchedule,
  place,
  type Timeline,
  timeline,
  type Unit,
  units,
} from "@opentrn/device";
import type { Program } from "@opentrn/isa";
import type { Kernel, TensorSpec } from "@opentrn/nki";
import type { DType } from "@opentrn/numerics";
import { uncertaintyOf } from "./uncertainty.ts";

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
  /** First trigger to last byte, without what the runtime adds. */
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
  /** Share of the time that the figure may be off, from the basis of the costs used. */
  readonly uncertainty: number;
  /** Why the kernel is outside what measurements cover; empty inside. */
  readonly outside: readonly string[];
}

/** Share of busy time on unknown or assumed costs above which a kernel is outside the envelope. */
const TOLERATED = 0.05;

const sums = (command: unknown): boolean => command !== undefined && command !== "idle";

function outsideOf(chip: Chip, timelines: readonly Timeline[]): string[] {
  const reasons = new Set<string>();
  if (chip.generation === 4) reasons.add("no measurement of this generation was used");
  const busy = timelines.reduce((n, t) => n + t.costs.reduce((m, c) => m + c.ns, 0), 0);
  const weak = (c: CostUse): boolean => c.basis === "unknown" || c.basis === "assumed";
  for (const t of timelines)
    for (const c of t.costs)
      if (weak(c) && c.ns > TOLERATED * busy) reasons.add(`the cost of ${c.op} is ${c.basis}`);
  const gpsimd = timelines.reduce((n, t) => n + t.engines.gpsimd.activeNs, 0);
  const total = timelines.reduce((n, t) => n + t.totalNs, 0);
  if (timelines.some((t) => t.program.classes.some((c) => sums(c.call.attr["reduce_cmd"]))))
    reasons.add(
      "ScalarE adds up rows, which the one measurement of it has far slower than predicted",
    );
  const instructions = timelines.some((t) => t.program.classes.some((c) => c.engine === "gpsimd"));
  if (instructions && gpsimd > TOLERATED * total) reasons.add("GpSimd compute was never measured");
  return [...reasons];
}

/** How instructions are ordered: as written, or as a list scheduler would (what the real compiler does comes close to it). */
export const orders = ["list", "program-order"] as const;
export type Order = (typeof orders)[number];

/** Times a Program in an order; one that no longer fits its memories when reordered keeps its own. */
function timed(program: Program, order: Order): Timeline {
  if (order === "list")
    try {
      const reordered = listSchedule(program);
      return timeline(reordered, place(reordered));
    } catch (e) {
      if (!(e instanceof OpenTrnError && e.category === "capacity")) throw e;
    }
  return timeline(program, place(program));
}

/** Plays every launch of a case on `cores` cores of a chip. */
export function predict(
  make: Case,
  row: CaseRow,
  chip: Chip,
  cores: number,
  order: Order,
): Prediction {
  const launches = make(row);
  // Where one launch cannot have that many cores, each runs the kernel on its own and they share the memory.
  const lnc = chip.lnc.value.includes(cores) ? cores : 1;
  const copies = cores / lnc;
  const timelines = launches.map(({ kernel, inputs, args = {} }) => {
    const program = kernel.build({ chip, inputs, args, lnc, lines: false });
    return timed(program, order);
  });
  const sum = (f: (t: Timeline) => number): number => timelines.reduce((n, t) => n + f(t), 0);
  const traffic = copies * sum((t) => t.hbm.readBytes + t.hbm.writeBytes);
  const alone = sum((t) => t.totalNs);
  const kernelNs = copies > 1 ? Math.max(alone, traffic / chip.hbm.bytesPerNs.value) : alone;
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
    uncertainty: uncertaintyOf(chip, timelines),
    outside: outsideOf(chip, timelines),
  };
}
