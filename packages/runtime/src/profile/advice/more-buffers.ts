/**
 * Waits for a buffer that is still in use: what one, two or three more buffers would save. An instruction that overwrites a buffer then
 * waits for what the one before it (or the one before that) would have waited for, as it does when buffers take turns.
 */
import { type AddWait, edge, retime, type WaitRules, type WaitSite } from "@opentrn/device";
import { type Site, siteAt } from "../execution.ts";
import { visitStalls } from "../stalls.ts";
import type { Adviser, Variant } from "./idea.ts";
import type { Study } from "./study.ts";
import { bytesText, compare, placeOf, ticksText } from "./words.ts";

const MOST_MORE = 3;

/** Delays waits for buffers by `more` generations of the same address. */
export class TurnTaking implements WaitRules {
  private readonly rings = new Map<string, { consumer: number; held: [number, number][][] }>();
  private readonly chosen: (instance: number) => boolean;
  private readonly spaceOf: (storage: number) => string;
  private readonly more: number;

  constructor(
    chosen: (instance: number) => boolean,
    spaceOf: (storage: number) => string,
    more: number,
  ) {
    this.chosen = chosen;
    this.spaceOf = spaceOf;
    this.more = more;
  }

  conflict(consumer: number, producer: number, kind: number, at: WaitSite, add: AddWait): boolean {
    if (kind !== edge.reuse && kind !== edge.overwrite) return true;
    const space = this.spaceOf(at.storage);
    if (space === "hbm" || !this.chosen(consumer)) return true;
    const key = `${space} ${at.core} ${at.low}`;
    let ring = this.rings.get(key);
    if (!ring) {
      ring = { consumer: -1, held: [] };
      this.rings.set(key, ring);
    }
    if (ring.consumer !== consumer) {
      ring.consumer = consumer;
      ring.held.push([]);
      if (ring.held.length > this.more) for (const [p, why] of ring.held.shift()!) add(p, why);
    }
    ring.held.at(-1)!.push([producer, kind]);
    return false;
  }
}

export const moreBuffers: Adviser = function* (study) {
  const { e, t } = study;
  const ticks = new Map<number, number>();
  visitStalls(e, (waiter, _, why, waited) => {
    if (why !== edge.reuse && why !== edge.overwrite) return;
    const { id } = siteAt(e, waiter);
    ticks.set(id, (ticks.get(id) ?? 0) + waited);
  });
  if (ticks.size === 0) return;
  const room = freeSpans(study);
  const overwritten = overwrittenBuffers(study);
  const groups = [...ticks.keys()].map((id) => [e.sites[id]!]);
  // One buffer alone may only move the wait to the next one.
  const all = [...overwritten.keys()].map((id) => e.sites[id]!);
  if (all.length > 1) groups.push(all);
  for (const group of groups) {
    const need = bufferBytes(overwritten, group);
    const site = group.reduce((a, b) => ((ticks.get(b.id) ?? 0) > (ticks.get(a.id) ?? 0) ? b : a));
    const waited = group.reduce((n, s) => n + (ticks.get(s.id) ?? 0), 0);
    const variants: Variant[] = [];
    for (let more = 1; more <= MOST_MORE; more++) {
      if (need.sbuf * more > room.sbuf || need.psum * more > room.psum) break;
      variants.push(variant(study, group, more, waited, need));
    }
    if (variants.length > 0)
      yield {
        kind: "more buffers",
        site,
        weight: Math.min(waited, t.totalNs * 1000),
        variants,
        gain: "expected",
      };
  }
};

/** Bytes of a partition that no tensor ever has, by memory, on the core that has least. */
function freeSpans({ t: { program, placement } }: Study): { sbuf: number; psum: number } {
  const { chip } = program;
  const free = (space: "sbuf" | "psum", capacity: number): number => {
    const used = new Map<number, number>();
    for (const s of program.storages) {
      if (s.space !== space || placement.first[s.id]! < 0) continue;
      const end = placement.address[s.id]! + s.rowBytes;
      used.set(s.core, Math.max(used.get(s.core) ?? 0, end));
    }
    return capacity - Math.max(0, ...used.values());
  };
  return {
    sbuf: free("sbuf", chip.sbuf.usableBytesPerPartition.value),
    psum: free("psum", chip.psum.banks.value * chip.psum.bankBytes.value),
  };
}

interface Buffer {
  readonly space: "sbuf" | "psum";
  readonly bytes: number;
}

/** Buffers that instructions of each site overwrite while they may be in use, by address. */
function overwrittenBuffers({ t, e }: Study): ReadonlyMap<number, ReadonlyMap<string, Buffer>> {
  const found = new Map<number, Map<string, Buffer>>();
  retime(t, {
    waits: () => ({
      conflict(consumer, _, kind, at) {
        const { id, space, rowBytes } = t.program.storages[at.storage]!;
        if (space === "hbm" || (kind !== edge.reuse && kind !== edge.overwrite)) return true;
        const site = siteAt(e, consumer).id;
        const mine = found.get(site) ?? new Map<string, Buffer>();
        found.set(site, mine);
        mine.set(`${space} ${at.core} ${t.placement.address[id]}`, { space, bytes: rowBytes });
        return true;
      },
    }),
  });
  return found;
}

/** Bytes of a partition that one more of each buffer takes. */
function bufferBytes(
  overwritten: ReadonlyMap<number, ReadonlyMap<string, Buffer>>,
  group: readonly Site[],
): { readonly sbuf: number; readonly psum: number } {
  const buffers = new Map(group.flatMap((s) => [...(overwritten.get(s.id) ?? [])]));
  const bytes = { sbuf: 0, psum: 0 };
  for (const b of buffers.values()) bytes[b.space] += b.bytes;
  return bytes;
}

function variant(
  study: Study,
  group: readonly Site[],
  more: number,
  waited: number,
  need: { readonly sbuf: number; readonly psum: number },
): Variant {
  const { t, e } = study;
  const chosen = new Set(group.map((s) => s.id));
  const places = [...new Set(group.map(placeOf))].join(", ");
  const extra = (["sbuf", "psum"] as const)
    .filter((m) => need[m] > 0)
    .map((m) => `${bytesText(need[m] * more)} more of each ${m.toUpperCase()} partition`);
  return {
    time: () =>
      retime(t, {
        waits: () =>
          new TurnTaking(
            (i) => chosen.has(siteAt(e, i).id),
            (s) => t.program.storages[s]!.space,
            more,
          ),
      }).totalNs,
    text: {
      says: `Engines wait ${ticksText(waited)} at ${places} for buffers that are still read or written.`,
      change: `Let ${more + 1} buffers take turns there (${extra.join(", ")}).`,
      check: compare(
        `allocate the tiles written at ${places} ${more + 1} times and use number i % ${more + 1} in iteration i`,
      ),
    },
  };
}
