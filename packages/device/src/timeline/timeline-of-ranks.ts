/**
 * The time of a Program that runs on several ranks: each collective waits until all ranks of its group stand at it. Ranks that execute
 * the same instructions reach it at the same time, so only ranks whose loops or branches went differently are played one by one.
 */
import { OpenTrnError } from "@opentrn/base";
import type { Program } from "@opentrn/isa";
import { groupOfRank } from "../fabric/collective-plan.ts";
import type { Placement } from "../placement/index.ts";
import { type Timeline, type TimelineOptions, timeline } from "./timeline.ts";

export interface RanksOptions extends Omit<TimelineOptions, "rank" | "executed" | "othersReady"> {
  /** Executed instructions of every rank, by core, as a run reports them; undefined for ranks that ran all in order. */
  readonly executed: readonly (readonly Uint32Array[] | undefined)[];
}

/** Plays until waits settle; each pass settles at least one more collective, and most programs need two. */
const MOST_PASSES = 64;

type Trace = readonly Uint32Array[] | undefined;

const sameTrace = (a: Trace, b: Trace): boolean =>
  a === b ||
  (a?.length === b?.length &&
    a!.every((core, c) => core.length === b![c]!.length && core.every((x, i) => x === b![c]![i])));

/** Rank 0's timeline among all of them. */
export function timelineOfRanks(
  program: Program,
  placement: Placement,
  { executed, ...options }: RanksOptions,
): Timeline {
  const first = timeline(program, placement, { ...options, executed: executed[0], rank: 0 });
  const alike = executed.every((e) => sameTrace(e, executed[0]));
  if (alike || first.schedule.collectives.length === 0) return first;
  const ranks = executed.map((e, rank) =>
    rank === 0 ? first : timeline(program, placement, { ...options, executed: e, rank }),
  );
  for (let pass = 0; pass < MOST_PASSES; pass++) {
    const waits = ranks.map((_, rank) => othersReady(ranks, rank));
    let moved = false;
    for (const [rank, othersReady] of waits.entries()) {
      if (settled(ranks[rank]!, othersReady)) continue;
      const own = { executed: executed[rank], rank };
      ranks[rank] = timeline(program, placement, { ...options, ...own, othersReady });
      moved = true;
    }
    if (!moved) return ranks[0]!;
  }
  throw new OpenTrnError(
    `the ranks' waits for each other did not settle in ${MOST_PASSES} passes; time one rank alone`,
    { category: "limit reached", rule: "ranks" },
  );
}

/** For each collective of `rank`, when the last other rank of its group is ready for its own one of the same number. */
function othersReady(ranks: readonly Timeline[], rank: number): Map<number, number> {
  const mine = ranks[rank]!;
  const { program, graph, schedule } = mine;
  const ready = new Map<number, number>();
  for (const [n, i] of schedule.collectives.entries()) {
    const { attr } = program.classes[program.classOf[graph.index[i]!]!]!.call;
    let last = 0;
    for (const other of groupOfRank(attr, rank)) {
      const t = ranks[other];
      const theirs = t?.schedule.collectives[n];
      if (other !== rank && theirs !== undefined) last = Math.max(last, t!.schedule.start[theirs]!);
    }
    ready.set(i, last);
  }
  return ready;
}

/** Whether a rank already waits for the others as long as it has to. */
function settled({ schedule, options }: Timeline, ready: ReadonlyMap<number, number>): boolean {
  const wait = (of: ReadonlyMap<number, number> | undefined, i: number): number =>
    Math.max(0, (of?.get(i) ?? 0) - schedule.start[i]!);
  return schedule.collectives.every((i) => wait(ready, i) === wait(options.othersReady, i));
}
