/** HBM bytes that are loaded again although an earlier load brought them: the first tile stays in SBUF, the later loads go. */
import { type Recast, retime } from "@opentrn/device";
import type { AccessPattern } from "@opentrn/isa";
import { patternBytes } from "../distinct-bytes.ts";
import type { Site } from "../execution.ts";
import type { Adviser, Variant } from "./idea.ts";
import { PRESENT, StandIns } from "./stand-ins.ts";
import type { Study } from "./study.ts";
import { bytesText, compare, placeOf } from "./words.ts";

const absent: Recast = { absent: true };

/** Loads of one site by what they bring, in program order. */
interface Repeats {
  readonly site: Site;
  readonly groups: readonly (readonly number[])[];
  /** Bytes of a partition that keeping the first tiles takes, beyond those that are there already. */
  readonly bytes: number;
  readonly again: number;
}

const keyOf = (p: AccessPattern): string =>
  `${p.storage} ${p.dtype} ${p.offset} ${p.dims.map((d) => d.join("x")).join(" ")}`;

export const keepInSbuf: Adviser = function* (study) {
  if (!study.straight) return;
  const found = study.e.sites.flatMap((site) => repeatsOf(study, site) ?? []);
  for (const r of found)
    if (r.bytes <= study.freeSbuf)
      yield {
        kind: "keep in SBUF",
        site: r.site,
        weight: study.exposure(r.site),
        variants: [variant(study, [r])],
        gain: "expected",
      };
  const all = found.reduce((n, r) => n + r.bytes, 0);
  if (found.length < 2 || all > study.freeSbuf) return;
  yield {
    kind: "keep in SBUF",
    site: found.reduce((a, b) => (b.again > a.again ? b : a)).site,
    weight: found.reduce((n, r) => n + study.exposure(r.site), 0),
    variants: [variant(study, found)],
    gain: "expected",
  };
};

/** Undefined where a site loads nothing twice, or the kernel writes what it loads. */
function repeatsOf(study: Study, site: Site): Repeats | undefined {
  const list = study.instructions[site.id]!;
  if (!study.isTransfer(list[0]!)) return undefined;
  const { program } = study.t;
  const groups = new Map<string, number[]>();
  let [bytes, again] = [0, 0];
  for (const index of list) {
    const [access, more] = study.hbmOf(index);
    if (!access || more || access.writes || !access.onChip || access.pattern.dynamic)
      return undefined;
    const storage = program.storages[access.pattern.storage]!;
    if (storage.kind !== "input" && storage.kind !== "constant") return undefined;
    const key = `${program.coreOf[index]} ${program.classOf[index]} ${keyOf(access.pattern)}`;
    const group = groups.get(key);
    if (!group) {
      groups.set(key, [index]);
      continue;
    }
    if (group.length === 1) {
      const { partitions, rowBytes } = program.storages[access.onChip.storage]!;
      const tile = patternBytes(access.onChip).once / (access.onChip.dims[0]?.[1] ?? partitions);
      bytes += Math.min(tile, rowBytes);
    }
    group.push(index);
    again += patternBytes(access.pattern).moved;
  }
  const repeated = [...groups.values()].filter((g) => g.length > 1);
  return repeated.length > 0 ? { site, groups: repeated, bytes, again } : undefined;
}

function variant(study: Study, all: readonly Repeats[]): Variant {
  const { t } = study;
  const again = all.reduce((n, r) => n + r.again, 0);
  const bytes = all.reduce((n, r) => n + r.bytes, 0);
  const places = [...new Set(all.map((r) => placeOf(r.site)))].join(", ");
  const tensors = all.map((r) => r.site.tensor).join(" and ");
  const times = Math.max(...all.flatMap((r) => r.groups.map((g) => g.length)));
  return {
    time: () => {
      const standIn = new Int32Array(t.graph.count).fill(PRESENT);
      const recasts = new Map<number, Recast>();
      for (const { groups } of all)
        for (const [first, ...later] of groups)
          for (const index of later) {
            standIn[study.instance[index]!] = study.instance[first!]!;
            recasts.set(index, absent);
          }
      return retime(t, { recasts, waits: () => new StandIns(t, study.dataFlow, standIn) }).totalNs;
    },
    text: {
      says: `${bytesText(again)} of ${tensors} are loaded again at ${places}, up to ${times} times in all.`,
      change: `Load each tile of ${tensors} once and keep it in SBUF (${bytesText(bytes)} of each partition).`,
      check: compare(
        `allocate the tiles of ${tensors} before the loop that uses them again, and load them there`,
      ),
    },
  };
}
