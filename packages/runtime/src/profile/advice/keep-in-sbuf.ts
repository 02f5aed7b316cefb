/** HBM bytes that are loaded again although an earlier load brought them: the tile stays in SBUF, the later loads go. */
import { type Recast, retime } from "@opentrn/device";
import type { AccessPattern } from "@opentrn/isa";
import { patternBytes } from "../distinct-bytes.ts";
import type { Site } from "../execution.ts";
import type { Adviser, Variant } from "./idea.ts";
import { PRESENT, StandIns } from "./stand-ins.ts";
import type { Study } from "./study.ts";
import { bytesText, compare, placeOf } from "./words.ts";

const absent: Recast = { absent: true };

/** Loads of one site that an earlier one makes needless. */
interface Repeats {
  readonly site: Site;
  /** Loads to leave out, each with the load that brought its bytes. */
  readonly again: ReadonlyMap<number, number>;
  /** Bytes of a partition that tiles take while they are kept. */
  readonly kept: number;
  /** Bytes of HBM that are not read again. */
  readonly saved: number;
  /** Most loads of one tile that one load replaces. */
  readonly times: number;
  /** Every tile is kept from its first load on. */
  readonly whole: boolean;
}

const keyOf = (p: AccessPattern): string =>
  `${p.storage} ${p.dtype} ${p.offset} ${p.dims.map((d) => d.join("x")).join(" ")}`;

export const keepInSbuf: Adviser = function* (study) {
  if (!study.straight) return;
  const found = study.e.sites.flatMap((site) => repeatsOf(study, site) ?? []);
  for (const r of found)
    yield {
      kind: "keep in SBUF",
      site: r.site,
      weight: study.exposure(r.site),
      variants: [variant(study, [r])],
      gain: "expected",
    };
  const kept = found.reduce((n, r) => n + r.kept, 0);
  if (found.length < 2 || kept > study.freeSbuf) return;
  yield {
    kind: "keep in SBUF",
    site: found.reduce((a, b) => (b.saved > a.saved ? b : a)).site,
    weight: found.reduce((n, r) => n + study.exposure(r.site), 0),
    variants: [variant(study, found)],
    gain: "expected",
  };
};

/** What a load brings, and when it last did. */
interface Tile {
  /** The load that brought what is kept. */
  first: number;
  loads: number;
  /** Position of the last load in the site's list. */
  last: number;
}

/** Undefined where a site loads nothing twice that there is room to keep, or the kernel writes what it loads. */
function repeatsOf(study: Study, site: Site): Repeats | undefined {
  const list = study.instructions[site.id]!;
  if (!study.isTransfer(list[0]!)) return undefined;
  const { program } = study.t;
  const tiles = new Map<string, Tile>();
  const repeats: { readonly index: number; readonly tile: Tile; readonly distance: number }[] = [];
  let bytes = 0;
  for (const [position, index] of list.entries()) {
    const [access, more] = study.hbmOf(index);
    if (!access?.onChip || more || access.writes || access.pattern.dynamic) return undefined;
    const { kind } = program.storages[access.pattern.storage]!;
    if (kind !== "input" && kind !== "constant") return undefined;
    bytes = Math.max(bytes, partitionBytes(access.onChip));
    const key = `${program.coreOf[index]} ${program.classOf[index]} ${keyOf(access.pattern)}`;
    const tile = tiles.get(key);
    if (!tile) tiles.set(key, { first: index, loads: 1, last: position });
    else {
      repeats.push({ index, tile, distance: position - tile.last });
      tile.last = position;
    }
  }
  return worthKeeping(study, site, repeats, tiles.size, bytes);
}

/** A tile is kept until it is wanted again where the tiles loaded in between fit beside it; otherwise it is loaded again. */
function worthKeeping(
  study: Study,
  site: Site,
  repeats: readonly { readonly index: number; readonly tile: Tile; readonly distance: number }[],
  different: number,
  bytes: number,
): Repeats | undefined {
  const again = new Map<number, number>();
  let [kept, saved, times] = [0, 0, 1];
  for (const { index, tile, distance } of repeats) {
    const room = Math.min(distance, different) * bytes;
    if (room > study.freeSbuf) {
      tile.first = index;
      tile.loads = 1;
      continue;
    }
    again.set(index, tile.first);
    tile.loads++;
    times = Math.max(times, tile.loads);
    kept = Math.max(kept, room);
    saved += patternBytes(study.hbmOf(index)[0]!.pattern).moved;
  }
  if (again.size === 0) return undefined;
  return { site, again, kept, saved, times, whole: again.size === repeats.length };
}

const partitionBytes = (onChip: AccessPattern): number =>
  patternBytes(onChip).once / (onChip.dims[0]?.[1] ?? 1);

function variant(study: Study, all: readonly Repeats[]): Variant {
  const { t } = study;
  const saved = all.reduce((n, r) => n + r.saved, 0);
  const kept = all.reduce((n, r) => n + r.kept, 0);
  const places = [...new Set(all.map((r) => placeOf(r.site)))].join(", ");
  const tensors = all.map((r) => r.site.tensor).join(" and ");
  const times = Math.max(...all.map((r) => r.times));
  const how = all.every((r) => r.whole)
    ? `Load each tile of ${tensors} once and keep it in SBUF`
    : `Keep tiles of ${tensors} in SBUF as long as they are wanted again soon`;
  return {
    time: () => {
      const standIn = new Int32Array(t.graph.count).fill(PRESENT);
      const recasts = new Map<number, Recast>();
      for (const { again } of all)
        for (const [index, first] of again) {
          standIn[study.instance[index]!] = study.instance[first]!;
          recasts.set(index, absent);
        }
      return retime(t, { recasts, waits: () => new StandIns(t, study.dataFlow, standIn) }).totalNs;
    },
    text: {
      says: `${bytesText(saved)} of ${tensors} are loaded again at ${places}, tiles up to ${times} times.`,
      change: `${how} (${bytesText(kept)} of each partition).`,
      check: compare(`load the tiles of ${tensors} before the loop that uses them again`),
    },
  };
}
