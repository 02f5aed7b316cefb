/**
 * Published times of collectives by size and topology. Which chip, how many cores a rank and what the measurement holds beside the
 * collective is data, in `collectives.json` beside the bindings of kernels.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { chipNamed } from "@opentrn/chips";
import {
  type CollectiveOp,
  collectiveTime,
  type Fabric,
  fabricOf,
  ranksPerChip,
} from "@opentrn/device";
import { type Basis, instructionNamed } from "@opentrn/isa";
import { acrossWords, type Evidence } from "../uncertainty/regimes.ts";
import { type Match, matched } from "./binding.ts";
import { generationOf, type PublishedRow, sizesOf } from "./row.ts";

interface Dispatch {
  readonly us: number;
  readonly floorUs: number;
  readonly why: string;
}

interface CollectiveBinding {
  readonly match: Match;
  /** Chip, where the row does not say. */
  readonly on?: string;
  /** Physical cores of a rank. */
  readonly cores: number;
  readonly machines?: number;
  /** Collectives that run at the same time. */
  readonly streams?: number;
  readonly dispatch: string;
  readonly why?: string;
}

export interface CollectiveBindings {
  readonly dispatch: Readonly<Record<string, Dispatch>>;
  readonly bindings: readonly CollectiveBinding[];
}

/** Reads `collectives.json` beside the bindings; none where it is not there. */
export function readCollectives(bindings: string): CollectiveBindings {
  const path = join(dirname(bindings), "collectives.json");
  if (!existsSync(path)) return { dispatch: {}, bindings: [] };
  return JSON.parse(readFileSync(path, "utf8")) as CollectiveBindings;
}

/** How figures of collectives go with time. */
export const collectiveMetrics: Readonly<Record<string, "time" | "rate">> = {
  collective_latency: "time",
  bus_bandwidth: "rate",
};

const ops: Readonly<Record<string, CollectiveOp>> = {
  all_reduce: "all_reduce",
  all_gather: "all_gather",
  reduce_scatter: "reduce_scatter",
  all_to_all: "all_to_all",
  all_to_all_v: "all_to_all",
  permute: "permute",
  p2p: "permute",
};

/** Bytes of rows that give the best of all sizes. */
const LARGE = 512 * 2 ** 20;

export interface PredictedCollective {
  readonly chip: string;
  readonly cores: number;
  readonly predicted: number;
  readonly evidence: Evidence;
  readonly besideNs: number;
}

/** Predicts a row, or says why not. */
export function predictCollective(
  row: PublishedRow,
  { dispatch, bindings }: CollectiveBindings,
): PredictedCollective | string {
  const binding = bindings.find((b) => matched(b.match, row) !== undefined);
  const op = ops[row.kernel];
  const { ranks, nodes, size_bytes: size = LARGE } = sizesOf(row);
  if (!binding || !op) return "no collective between cores is bound to rows of this source";
  if (ranks === undefined) return "it says for no number of ranks";
  const chip = binding.on ?? generationOf(row);
  const fabric: Fabric = {
    ...fabricOf(chipNamed(chip), binding.cores),
    callers: binding.streams ?? 1,
  };
  const group = spread(fabric, ranks, nodes ?? binding.machines ?? 1);
  // Sizes are of the whole buffer.
  const bytes = op === "all_gather" ? size / ranks : size;
  const time = collectiveTime(fabric, op, bytes, group);
  const { us, floorUs } = dispatch[binding.dispatch]!;
  const total = Math.max(1e3 * floorUs, 1e3 * us + time.ns);
  const isTime = collectiveMetrics[row.metric] === "time";
  return {
    chip,
    cores: binding.cores,
    predicted: isTime ? total / 1e3 : time.sentBytes / time.ns,
    besideNs: isTime ? total - time.ns : 0,
    evidence: {
      generation: chip,
      totalNs: time.ns,
      leastNs: time.ns,
      mostNs: time.ns,
      meanNs: time.ns,
      regimes: new Map([
        [`${op} ${acrossWords[time.across]}`, { share: 1, basis: basisOf(op), fabric: true }],
      ]),
      spent: new Map(),
    },
  };
}

/** How well the cost of the instruction that does it is known. */
const basisOf = (op: CollectiveOp): Basis | "unknown" => {
  const { cost } = instructionNamed(op === "permute" ? "collective_permute" : op)!;
  return cost.kind === "unknown" ? "unknown" : cost.basis;
};

/** Ranks filling each of `machines` alike. */
function spread(fabric: Fabric, ranks: number, machines: number): number[] {
  const room = ranksPerChip(fabric) * (fabric.machine?.chips.value ?? 1);
  const each = Math.ceil(ranks / machines);
  return Array.from({ length: ranks }, (_, i) => Math.floor(i / each) * room + (i % each));
}
