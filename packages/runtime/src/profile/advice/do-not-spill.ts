/** Data that leave SBUF for scratch memory in HBM and come back in the same form: they stay where they are. */
import { type Recast, retime } from "@opentrn/device";
import { patternBytes } from "../distinct-bytes.ts";
import type { HbmAccess } from "../hbm-accesses.ts";
import type { Adviser } from "./idea.ts";
import { PASSES, PRESENT, StandIns } from "./stand-ins.ts";
import type { Study } from "./study.ts";
import { bytesText, compare, placeOf } from "./words.ts";

const absent: Recast = { absent: true };

/** Transfers of one scratch tensor. */
interface Scratch {
  readonly stores: HbmAccess[];
  readonly loads: HbmAccess[];
}

export const doNotSpill: Adviser = function* (study) {
  if (!study.straight) return;
  const { t, e } = study;
  for (const [storage, { stores, loads }] of scratchOf(study)) {
    const bytes = keptBytes(stores);
    if (stores.length === 0 || loads.length === 0 || !sameForm(stores, loads)) continue;
    if (bytes > study.freeSbuf) continue;
    const site = e.sites[e.siteOf[loads[0]!.index]!]!;
    const stored = e.sites[e.siteOf[stores[0]!.index]!]!;
    const sites = new Set([...stores, ...loads].map((a) => e.siteOf[a.index]!));
    const { name } = t.program.storages[storage]!;
    const moved = [...stores, ...loads].reduce((n, a) => n + patternBytes(a.pattern).moved, 0);
    yield {
      kind: "do not spill",
      site,
      weight: [...sites].reduce((w, s) => w + study.exposure(e.sites[s]!), 0),
      gain: "expected",
      variants: [
        {
          time: () => {
            const standIn = new Int32Array(t.graph.count).fill(PRESENT);
            const recasts = new Map<number, Recast>();
            for (const { index } of [...stores, ...loads]) {
              standIn[study.instance[index]!] = PASSES;
              recasts.set(index, absent);
            }
            return retime(t, { recasts, waits: () => new StandIns(t, study.dataFlow, standIn) })
              .totalNs;
          },
          text: {
            says: `${name} goes from SBUF to HBM at ${placeOf(stored)} and comes back at ${placeOf(site)}: ${bytesText(moved)} of traffic.`,
            change: `Keep ${name} in SBUF (${bytesText(bytes)} of each partition).`,
            check: compare(`allocate ${name} in SBUF and use its tiles instead of the transfers`),
          },
        },
      ],
    };
  }
};

/** Scratch tensors in HBM that only transfers between HBM and chip touch. */
function scratchOf(study: Study): ReadonlyMap<number, Scratch> {
  const { program } = study.t;
  const found = new Map<number, Scratch>();
  const other = new Set<number>(program.outputs);
  for (let index = 0; index < program.starts.length; index++) {
    if (!study.isTransfer(index)) continue;
    for (const a of study.hbmOf(index)) {
      const { storage, dynamic } = a.pattern;
      if (program.storages[storage]!.kind !== "internal") continue;
      if (dynamic || !a.onChip || study.kindOf(index).instruction !== "dma_copy")
        other.add(storage);
      const scratch = found.get(storage) ?? { stores: [], loads: [] };
      found.set(storage, scratch);
      (a.writes ? scratch.stores : scratch.loads).push(a);
    }
  }
  for (const storage of other) found.delete(storage);
  return found;
}

/** Partitions and elements a partition at the chip's end: data that come back otherwise were turned round in HBM. */
const formOf = ({ onChip, pattern }: HbmAccess): string =>
  `${onChip!.dtype} ${onChip!.dims.map((d) => d[1])} ${pattern.dims}`;

const sameForm = (stores: readonly HbmAccess[], loads: readonly HbmAccess[]): boolean =>
  new Set([...stores, ...loads].map(formOf)).size === 1;

const keptBytes = (stores: readonly HbmAccess[]): number =>
  stores.reduce((n, { onChip }) => n + patternBytes(onChip!).once / (onChip!.dims[0]?.[1] ?? 1), 0);
