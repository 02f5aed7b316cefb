/**
 * Many transfers of one line that lie at even distances in HBM: one transfer for several of them. Loads are merged into the first of
 * them, stores into the last; everyone waits for the whole transfer, whose packets and descriptors follow from its shape.
 */
import { dmaShape, type Recast, retime } from "@opentrn/device";
import type { AccessPattern, AnyCall, Tile } from "@opentrn/isa";
import { patternBytes } from "../distinct-bytes.ts";
import type { Site } from "../execution.ts";
import type { HbmAccess } from "../hbm-accesses.ts";
import type { Adviser, Variant } from "./idea.ts";
import { PRESENT, StandIns } from "./stand-ins.ts";
import type { Study } from "./study.ts";
import { bytesText, compare, placeOf, ticksText } from "./words.ts";

const SIZES = [2, 4, 8, 16] as const;
const absent: Recast = { absent: true };

/** Transfers that may become one: `distance` elements from one to the next in HBM. */
interface Run {
  readonly indices: readonly number[];
  readonly distance: number;
  readonly stores: boolean;
}

export const mergeTransfers: Adviser = function* (study) {
  if (!study.straight) return;
  for (const site of study.e.sites) {
    const list = study.instructions[site.id]!;
    if (list.length < 2 || !study.isTransfer(list[0]!)) continue;
    if (study.kindOf(list[0]!).instruction !== "dma_copy") continue;
    const variants = SIZES.flatMap((n) => {
      const runs = runsOf(study, list, n);
      const merged = runs.reduce((sum, r) => sum + r.indices.length - 1, 0);
      const bytes = tileBytes(study, runs[0]?.indices[0]) * (n - 1);
      // Fewer than half of the transfers in runs is another kernel's pattern.
      return merged * 2 >= list.length * (1 - 1 / n) && bytes <= study.freeSbuf
        ? [variant(study, site, runs, n, bytes)]
        : [];
    });
    if (variants.length > 0)
      yield {
        kind: "merge transfers",
        site,
        weight: study.exposure(site),
        variants,
        gain: "expected",
      };
  }
};

/** The one HBM access of a plain transfer between HBM and chip. */
function plainAccess(study: Study, index: number): HbmAccess | undefined {
  const [access, more] = study.hbmOf(index);
  if (!access?.onChip || more || access.pattern.dynamic || access.onChip.dynamic) return undefined;
  return access;
}

const sameDims = (a: AccessPattern, b: AccessPattern): boolean =>
  a.storage === b.storage && a.dtype === b.dtype && `${a.dims}` === `${b.dims}`;

/** Cuts a site's transfers into runs of at most `most` at even distances. */
function runsOf(study: Study, list: Uint32Array, most: number): Run[] {
  const { program } = study.t;
  const runs: Run[] = [];
  let [run, last, distance]: [number[], HbmAccess | undefined, number] = [[], undefined, 0];
  const close = (): void => {
    if (run.length > 1) runs.push({ indices: run, distance, stores: last!.writes });
    run = [];
  };
  for (const index of list) {
    const access = plainAccess(study, index);
    if (access && last && run.length > 0 && run.length < most) {
      const step = access.pattern.offset - last.pattern.offset;
      const fits =
        sameDims(access.pattern, last.pattern) &&
        program.classOf[index] === program.classOf[run[0]!] &&
        program.coreOf[index] === program.coreOf[run[0]!] &&
        step > 0 &&
        (run.length === 1 || step === distance);
      if (fits) {
        distance = step;
        run.push(index);
        last = access;
        continue;
      }
    }
    close();
    if (access) run = [index];
    last = access;
  }
  close();
  return runs;
}

function tileBytes(study: Study, index: number | undefined): number {
  const onChip = index === undefined ? undefined : study.hbmOf(index)[0]?.onChip;
  return onChip ? patternBytes(onChip).once / (onChip.dims[0]?.[1] ?? 1) : 0;
}

/** The call of one transfer for `n` of them: a further dimension behind the first, dense on chip. */
export function mergedCall(call: AnyCall, n: number, distance: number): AnyCall {
  const tile: Record<string, Tile | undefined> = {};
  for (const [name, t] of Object.entries(call.tile)) {
    if (!t) continue;
    const [first = 1, ...rest] = t.shape;
    const dense = rest.reduce((a, b) => a * b, 1);
    const shape = [first, n, ...rest];
    const strides =
      t.space === "hbm" ? [t.strides[0]!, distance, ...t.strides.slice(1)] : [dense, ...t.strides];
    tile[name] = { ...t, shape, strides, free: t.free * n };
  }
  return { ...call, tile };
}

function variant(
  study: Study,
  site: Site,
  runs: readonly Run[],
  n: number,
  bytes: number,
): Variant {
  const { t } = study;
  const list = study.instructions[site.id]!;
  const each = study.hbmOf(list[0]!)[0]!;
  const time = (): number => {
    const standIn = new Int32Array(t.graph.count).fill(PRESENT);
    const recasts = new Map<number, Recast>();
    const made = new Map<string, Recast>();
    for (const { indices, distance, stores } of runs) {
      const kept = indices.at(stores ? -1 : 0)!;
      const key = `${indices.length} ${distance}`;
      const recast = made.get(key) ?? {
        shape: (c, shift) => dmaShape(c.op, mergedCall(c.call, indices.length, distance), shift),
      };
      made.set(key, recast);
      recasts.set(kept, recast);
      for (const index of indices) {
        if (index === kept) continue;
        recasts.set(index, absent);
        standIn[study.instance[index]!] = study.instance[kept]!;
      }
    }
    return retime(t, { recasts, waits: () => new StandIns(t, study.dataFlow, standIn) }).totalNs;
  };
  const tensor = site.tensor ?? "HBM";
  return {
    time,
    text: {
      says: `${list.length} transfers of ${bytesText(patternBytes(each.pattern).moved)} at ${placeOf(site)} (${tensor}) hold others up for ${ticksText(study.exposure(site))}.`,
      change: `Move ${n} of these tiles in one transfer, into a tile of [P, ${n}, …] (${bytesText(bytes)} more of each SBUF partition).`,
      check: compare(
        `one dma_copy for ${n} tiles of ${tensor} at ${placeOf(site)}, slices of its tile where single tiles were used`,
      ),
    },
  };
}
