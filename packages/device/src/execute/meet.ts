/**
 * Runs the cores of one launch, or of many ranks' launches, in lock-step where they meet: each goes on until it ends or must wait; then
 * those that stand at the same meeting exchange data. Who waits for what will never come is reported with every participant's line.
 */
import { OpenTrnError } from "@opentrn/base";
import { locationOf, type Program } from "@opentrn/isa";
import { type Block, sumBlocks } from "./collective-blocks.ts";
import { located } from "./core-context.ts";
import type { CoreRun, Runner } from "./core-run.ts";
import type { Meeting } from "./meeting.ts";

/** One rank's cores, standing at the first instruction. */
export interface Launch<Run extends Runner = CoreRun> {
  readonly program: Program;
  readonly rank: number;
  readonly ranks: number;
  readonly runs: readonly Run[];
}

export interface Party<Run extends Runner = Runner> {
  readonly launch: Launch<Run>;
  readonly core: number;
  readonly run: Run;
}

interface Waiting {
  readonly party: Party;
  readonly meeting: Meeting;
  readonly members: readonly Party[];
}

/** Runs all launches to their ends, rank n being `launches[n]`; throws `deadlock` or `collective mismatch`. */
export function runTogether(launches: readonly Launch[]): void {
  for (const moving of rounds(launches)) for (const p of moving) p.run.advance();
}

/**
 * The rounds of a run: each names who goes on, and waits for all of them to stand at a meeting or at the end before it is asked for the
 * next. What comes of a meeting does not depend on the order in which they arrive.
 */
export function* rounds<Run extends Runner>(
  launches: readonly Launch<Run>[],
): Generator<readonly Party<Run>[], void, void> {
  const parties = launches.map((launch) =>
    launch.runs.map((run, core): Party<Run> => ({ launch, core, run })),
  );
  const all = parties.flat();
  let moving: readonly Party<Run>[] = all;
  for (;;) {
    yield moving;
    const waiting = new Map<Party, Waiting>();
    for (const party of all) if (!party.run.done) waiting.set(party, waits(party, parties));
    if (waiting.size === 0) return;
    const passed = new Set<Party>();
    for (const w of waiting.values()) {
      if (passed.has(w.party) || !isComplete(w, waiting)) continue;
      exchange(w, waiting);
      for (const m of [w.party, ...w.members]) passed.add(m);
    }
    if (passed.size === 0) throw stuck(all, waiting);
    for (const p of passed) p.run.pass();
    moving = all.filter((p) => passed.has(p));
  }
}

function waits(party: Party, parties: readonly (readonly Party[])[]): Waiting {
  const { run, launch, core } = party;
  const { meeting } = run;
  try {
    const named = meeting.members();
    const members =
      named === "cores"
        ? parties[launch.rank]!
        : named.map((rank) => {
            const member = parties[rank]![core];
            if (member) return member;
            throw new OpenTrnError(
              `${meeting.what}: rank ${rank} has no core ${core}; all ranks use the same LNC`,
              { category: "invalid program", rule: "collective ranks" },
            );
          });
    return { party, meeting, members };
  } catch (e) {
    throw located(launch.program, e, run.index());
  }
}

const isComplete = (w: Waiting, waiting: ReadonlyMap<Party, Waiting>): boolean =>
  w.members.every((m) => waiting.get(m)?.meeting.key === w.meeting.key);

function exchange(w: Waiting, waiting: ReadonlyMap<Party, Waiting>): void {
  const met = w.members.map((m) => waiting.get(m)!.meeting);
  const at = (n: number, e: unknown): unknown =>
    located(w.members[n]!.launch.program, e, w.members[n]!.run.index());
  if (sumTogether(w, met)) return;
  const offers = met.map((m, n) => {
    try {
      return m.offer?.() ?? { tensors: [] };
    } catch (e) {
      throw at(n, e);
    }
  });
  met.forEach((m, n) => {
    try {
      m.accept?.(offers, n);
    } catch (e) {
      throw at(n, e);
    }
  });
}

/** Sums blocks in place where all participants have them. */
function sumTogether(w: Waiting, met: readonly Meeting[]): boolean {
  const blocks: (readonly Block[])[] = [];
  const order = w.members.map((_, n) => n);
  order.sort((a, b) => w.members[a]!.launch.rank - w.members[b]!.launch.rank);
  for (const n of order) {
    const own = met[n]!.blocks?.();
    if (!own) return false;
    blocks.push(own);
  }
  if (blocks.length === 0) return false;
  sumBlocks(blocks);
  return true;
}

function stuck(all: readonly Party[], waiting: ReadonlyMap<Party, Waiting>): unknown {
  const who = ({ launch, core }: Party): string =>
    [
      ...(launch.ranks > 1 ? [`rank ${launch.rank}`] : []),
      ...(launch.ranks === 1 || launch.runs.length > 1 ? [`core ${core}`] : []),
    ].join(" ");
  const say = (p: Party): string => {
    const w = waiting.get(p);
    if (!w) return `${who(p)} has finished`;
    const at = locationOf(p.launch.program, p.run.index());
    return `${who(p)} waits at ${w.meeting.what}${at ? ` (${at.file}:${at.line})` : ""}`;
  };
  const first = [...waiting.values()][0]!;
  const about = first.party.launch.ranks > 1 ? "ranks" : "cores";
  const meet = waiting.size === all.length;
  const rule = meet && about === "ranks" ? "collective mismatch" : "deadlock";
  const error = new OpenTrnError(
    `${rule}: ${all.map(say).join("; ")}. All ${about} that take part must reach the same meeting with the same arguments`,
    { category: "invalid program", rule },
  );
  return located(first.party.launch.program, error, first.party.run.index());
}
