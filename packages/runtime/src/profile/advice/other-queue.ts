/** Transfers whose queue or issuing engine is the limit: another queue for all of a line's transfers, or for every second one. */
import { dmaShape, queueOf, queues, type Recast, retime } from "@opentrn/device";
import type { Site } from "../execution.ts";
import type { Adviser, Variant } from "./idea.ts";
import type { Study } from "./study.ts";
import { compare, counted, passed, placeOf } from "./words.ts";

/** What a kernel passes to get each queue. */
const ways: Readonly<Record<string, { readonly dgeMode: string; readonly engine?: string }>> = {
  qSyncDynamicHW: { dgeMode: "hwdge", engine: "sync" },
  qScalarDynamicHW: { dgeMode: "hwdge", engine: "scalar" },
  qGpSimdDynamic: { dgeMode: "swdge" },
};

export const otherQueue: Adviser = function* (study) {
  const { e } = study;
  for (const site of e.sites) {
    const list = study.instructions[site.id]!;
    if (!study.isTransfer(list[0]!)) continue;
    const from = study.kindOf(list[0]!).plan.queue;
    const variants = alternatives(study, list, from).flatMap((to) =>
      list.length > 1
        ? [variant(study, site, to, 2), variant(study, site, to, 1)]
        : [variant(study, site, to, 1)],
    );
    if (variants.length > 0)
      yield { kind: "other queue", site, weight: study.exposure(site), variants, gain: "expected" };
  }
};

/** Queues that every transfer of the list may use. */
function alternatives(study: Study, list: Uint32Array, from: number): number[] {
  const { e } = study;
  if (!e.chip.dma.hardwareDge.value) return [];
  const hardware = [queueOf("sync", "hardware"), queueOf("scalar", "hardware")];
  const plain = [...new Set([...list].map((i) => e.kindOf[i]!))].every((k) => {
    const { op, call } = e.kinds[k]!.of!;
    const tiles = Object.values(call.tile).filter((t) => t !== undefined);
    const moves = new Set(tiles.map((t) => t.dtype)).size === 1 && tiles.length === 2;
    return op.name === "dma_copy" && moves && tiles.every((t) => t.dynamic === "none");
  });
  if (!plain) return [];
  return [...hardware, queueOf("gpsimd", "software")].filter((q) => q !== from);
}

function variant(study: Study, site: Site, to: number, every: number): Variant {
  const { t } = study;
  const list = study.instructions[site.id]!;
  const recast: Recast = {
    queue: to,
    shape: (c, shift) => dmaShape(c.op, c.call, shift),
  };
  const name = queues[to]!.name;
  const these = list.length === 1 ? "it" : "them";
  const which = every === 1 ? these : "every second of them";
  return {
    time: () => {
      const chosen = [...list].filter((_, n) => n % every === every - 1);
      return retime(t, { recasts: new Map(chosen.map((i) => [i, recast])) }).totalNs;
    },
    text: {
      says: `${counted(list.length, "transfer")} of ${site.tensor ?? "HBM"} at ${placeOf(site)} ${list.length === 1 ? "goes" : "go"} through ${site.engine}, which works in order.`,
      change: `Send ${which} through ${name}.`,
      check: compare(
        `pass ${passed(site, ways[name]!)} at ${placeOf(site)}${every === 1 ? "" : " in every second iteration"}`,
      ),
    },
  };
}
