/**
 * What a kernel's time goes into, told apart as far as measurements do: the operation, its engine and the width of its data; for matmuls
 * also how much of the array they use, for transfers who makes their descriptors and how long their pieces are. One such kind of work
 * is a regime; whether a measured kernel of the same generation spent time in it decides what a prediction can claim.
 */
import {
  CollectivePlans,
  NO_QUEUE,
  type PathKind,
  queues,
  type Timeline,
  totalsByDutyPhase,
  totalsIfNarrowRowsCountOtherwise,
} from "@opentrn/device";
import type { Basis, InstructionClass } from "@opentrn/isa";
import { bytesOf } from "@opentrn/numerics";

/** Share of a kernel's time, and how well its cost is known. */
export interface RegimeShare {
  readonly share: number;
  readonly basis: Basis | "unknown";
  /** A collective between ranks. */
  readonly fabric?: boolean;
}

/** What ranges and the envelope ask of a prediction, of one launch or several together. */
export interface Evidence {
  readonly generation: string;
  readonly totalNs: number;
  /** Shortest and longest total over what the duty limiter may do. */
  readonly leastNs: number;
  readonly mostNs: number;
  /** Mean over the phases of the duty windows. */
  readonly meanNs: number;
  readonly regimes: ReadonlyMap<string, RegimeShare>;
  readonly spent: ReadonlyMap<PathKind, number>;
}

const PIECES = [
  { below: 512, says: "pieces below 512 B" },
  { below: Number.POSITIVE_INFINITY, says: "pieces of 512 B or more" },
] as const;

const widthOf = (c: InstructionClass): string => {
  const tiles = Object.values(c.call.tile).flatMap((t) => (t ? [bytesOf(t.dtype)] : []));
  const widest = Math.max(0, ...tiles);
  return widest === 0 ? "" : ` ${8 * widest} bit`;
};

function matmulRegime(c: InstructionClass): string {
  const { stationary, moving } = c.call.tile;
  const { attr, chip } = c.call;
  const parts = [`${8 * bytesOf(moving!.dtype)} bit`];
  if (attr["is_transpose"] === true) parts.push("transpose");
  if (attr["perf_mode"] === "double_row") parts.push("double_row");
  if (stationary!.partitions <= chip.tensor.rows.value / 2) parts.push("half the rows or fewer");
  if (moving!.free < 128) parts.push("short");
  return `nc_matmul ${parts.join(", ")}`;
}

/** The regime of one class; of transfers with the queue and the bytes of a piece. */
export function regimeOf(c: InstructionClass, queue: number, pieceBytes: number): string {
  const { name, control } = c.op;
  if (queue !== NO_QUEUE) {
    const size = PIECES.find((p) => pieceBytes < p.below)!.says;
    return `${name} by ${queues[queue]!.path} descriptors, ${size}`;
  }
  if (control) return name;
  if (name === "nc_matmul") return matmulRegime(c);
  return `${name} on ${c.engine}${widthOf(c)}`;
}

/** Phases of the duty windows that a prediction is played at. */
const PHASES = 4;
/** Longer kernels are played at one phase: borders of windows average out in them, and every further play takes as long. */
const PLAYED_AGAIN = 100_000;

/** Everything a range is computed from, over all launches of a kernel. */
export function evidenceOf(timelines: readonly Timeline[]): Evidence {
  const shares = new Map<string, Ticks>();
  const spent = new Map<PathKind, number>();
  let [total, least, most, mean, all] = [0, 0, 0, 0, 0];
  for (const t of timelines) {
    for (const [kind, ticks] of Object.entries(t.criticalPath.spent) as [PathKind, number][])
      spent.set(kind, (spent.get(kind) ?? 0) + ticks);
    all += addShares(t, shares);
    const again = t.graph.count <= PLAYED_AGAIN;
    const phases = again ? totalsByDutyPhase(t, PHASES) : [t.totalNs];
    const narrow = totalsIfNarrowRowsCountOtherwise(t);
    total += t.totalNs;
    mean += phases.reduce((a, b) => a + b, 0) / phases.length;
    least += Math.min(...phases, narrow.more);
    most += Math.max(...phases, narrow.less);
  }
  return {
    generation: timelines[0]?.program.chip.name ?? "",
    totalNs: total,
    leastNs: least,
    mostNs: most,
    meanNs: mean,
    regimes: new Map(
      [...shares].map(([key, { ticks, basis, fabric }]) => {
        const share = all > 0 ? ticks / all : 0;
        return [key, fabric ? { share, basis, fabric } : { share, basis }];
      }),
    ),
    spent,
  };
}

/** How far apart the ranks of a collective are, in words. */
export const acrossWords = {
  "one chip": "on one chip",
  chips: "between chips",
  machines: "between machines",
} as const;

function between(collectives: CollectivePlans, c: InstructionClass): string {
  const { op, across } = collectives.time(c);
  return `${op} ${acrossWords[across]}`;
}

interface Ticks {
  ticks: number;
  readonly basis: Basis | "unknown";
  readonly fabric: boolean;
}

/** Adds the time each regime holds the critical path; returns its length. */
function addShares(
  { program, graph, schedule, criticalPath, shapeOf, plans, options }: Timeline,
  shares: Map<string, Ticks>,
): number {
  const keys = new Map<number, string>();
  const collectives = new CollectivePlans(program, options);
  const { instances } = criticalPath;
  let all = 0;
  for (let k = 0; k < instances.length; k++) {
    const i = instances[k]!;
    const next = instances[k + 1];
    const until = next === undefined ? schedule.end[i]! : schedule.start[next]!;
    const ticks = until - schedule.start[i]!;
    const id = program.classOf[graph.index[i]!]!;
    const c = program.classes[id]!;
    let key = keys.get(id);
    if (key === undefined) {
      const queue = graph.queue[i]!;
      const piece = queue === NO_QUEUE ? 0 : pieceOf(shapeOf(id, graph.shift.get(i) ?? 0));
      key = c.op.cost.kind === "fabric" ? between(collectives, c) : regimeOf(c, queue, piece);
      keys.set(id, key);
    }
    const known = shares.get(key);
    if (known) known.ticks += ticks;
    else {
      const basis = plans[id]!.unknown === undefined ? basisOf(c) : "unknown";
      shares.set(key, { ticks, basis, fabric: c.op.cost.kind === "fabric" });
    }
    all += ticks;
  }
  return all;
}

const pieceOf = (shape: { readonly bytes: number; readonly pieces: number }): number =>
  shape.bytes / Math.max(1, shape.pieces);

const basisOf = ({ op }: InstructionClass): Basis | "unknown" =>
  op.cost.kind === "unknown" ? "unknown" : op.cost.basis;
