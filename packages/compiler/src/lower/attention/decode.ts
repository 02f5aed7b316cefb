/**
 * Attention of one or a few new queries over a cache: bound by loading the cache once. Keys lie on partitions, so that a matmul of 128
 * keys with the few queries that read them takes the least time the array knows, weights come out as the next matmul wants them, and
 * a whole cache's scores of up to 128 rows, the queries of several heads and sequences, stand in PSUM at once. Longer caches go block by
 * block with an online softmax.
 */
import type { AttentionSizes } from "@opentrn/ir";
import { bytesOf } from "@opentrn/numerics";
import type { Emitter } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import { type Bundle, DecodeStages, paddedRows, type Run, SCORES } from "./decode-stages.ts";
import { loadTokens, loadTurned, type Turned } from "./loads.ts";
import { pipeline } from "./pipeline.ts";
import { P } from "./plan.ts";
import { lazily } from "./sources.ts";

export interface CachedTensors {
  /** [b, n, h, d]; caches [b, m, g, d]; int32 [1]. */
  readonly q: View;
  readonly k: View;
  readonly v: View;
  readonly start: View;
  /** Where o goes. */
  readonly o: readonly View[];
}

/** Heads times keys that are loaded at once. */
const TOKENS = 4096;
/** Groups of several sequences share a bundle up to this many. */
const FEW = 8;
/** Share of SBUF that loads on their way may take. */
const LOADED = 0.4;

/** Rows of a part: queries times the heads of a group. */
export const partRows = ({ n, r }: AttentionSizes): number => n * r;

/** Something to do, with what has to be loaded for it. */
interface Item {
  readonly load?: () => unknown;
  readonly run: () => void;
}

export function lowerDecode(
  emit: Emitter,
  sizes: AttentionSizes,
  scale: number,
  tensors: CachedTensors,
): void {
  const { b, g, m, d } = sizes;
  const width = bytesOf(tensors.q.dtype);
  const rows = partRows(sizes);
  const abreast = partsOf(sizes);
  const strip = Math.min(m, Math.max(P, Math.floor(TOKENS / Math.min(abreast, g) / P) * P));
  const stages = new DecodeStages(emit, sizes, scale, tensors);
  const items: Item[] = [];
  for (let first = 0; first < b * g; first += abreast) {
    const parts = Math.min(abreast, b * g - first);
    const runs = runsOf(emit, sizes, tensors, first, parts);
    const bundle = stages.bundle(runs, parts * rows);
    const block = Math.floor(SCORES / bundle.padded) * P;
    for (let from = 0; from < m; from += block) {
      const range = [from, Math.min(m, from + block)] as const;
      addBlock(items, stages, { emit, tensors, bundle, range, strip, rows });
    }
    items.push({ run: () => stages.finish(bundle) });
  }
  // A strip of v takes as much as one of k, or less.
  const bytes = abreast * strip * width * Math.ceil(d / P);
  const ahead = Math.max(
    1,
    Math.min(8, Math.floor((LOADED * emit.chip.sbuf.usableBytesPerPartition.value) / bytes) - 1),
  );
  pipeline(items, [
    [(item) => item.load?.(), 0],
    [(item) => item.run(), ahead],
  ]);
}

/** Parts of a bundle: a sequence's groups, or some of them where rows or scores have no room, or those of several where they are few. */
function partsOf(sizes: AttentionSizes): number {
  const { g, m } = sizes;
  const rows = partRows(sizes);
  const chunks = Math.ceil(m / P);
  const fits = (parts: number): boolean =>
    parts * rows <= P && paddedRows(parts * rows) * chunks <= SCORES;
  let most = 1;
  while (most < Math.max(g, FEW) && fits(most + 1)) most++;
  return most < g ? most : g * Math.max(1, Math.floor(Math.min(most, FEW) / g));
}

interface Block {
  readonly emit: Emitter;
  readonly tensors: CachedTensors;
  readonly bundle: Bundle;
  readonly range: readonly [from: number, to: number];
  readonly strip: number;
  readonly rows: number;
}

/** Scores of a block strip by strip, its softmax, and its products strip by strip. */
function addBlock(items: Item[], stages: DecodeStages, block: Block): void {
  const { emit, tensors, bundle, range, strip } = block;
  const part = (x: View, { sequence, groups }: Run, keys: readonly [number, number]): View =>
    x
      .at(0, sequence)
      .slice(0, ...keys)
      .slice(1, ...groups);
  const strips: (readonly [number, number])[] = [];
  for (let from = range[0]; from < range[1]; from += strip)
    strips.push([from, Math.min(range[1], from + strip)]);
  const begin = lazily(() => stages.begin(bundle, range));
  for (const keys of strips) {
    const load = lazily(() =>
      bundle.runs.map((run) => {
        run.queries();
        return loadTurned(emit, part(tensors.k, run, keys), roomIn(emit, tensors.k.dtype, "k"));
      }),
    );
    items.push({ load, run: () => stages.score(begin(), load(), keys[0] - range[0]) });
  }
  items.push({ run: () => stages.soften(begin()) });
  for (const keys of strips) {
    const load = lazily(() =>
      bundle.runs.map((run) => loadTokens(emit, part(tensors.v, run, keys), "v")),
    );
    const tokens = keys[1] - keys[0];
    items.push({ load, run: () => stages.collect(begin(), load(), keys[0] - range[0], tokens) });
  }
  items.push({ run: () => stages.add(begin()) });
}

const roomIn =
  (emit: Emitter, dtype: View["dtype"], name: string) =>
  (features: number, heads: number, tokens: number): View =>
    emit.sbuf(dtype, [features, heads, tokens], name);

/** Parts [first, first + parts) of all groups of all sequences. */
function runsOf(
  emit: Emitter,
  { g, r }: AttentionSizes,
  { q }: CachedTensors,
  first: number,
  parts: number,
): readonly Run[] {
  const runs: Run[] = [];
  for (let part = first; part < first + parts; ) {
    const sequence = Math.floor(part / g);
    const until = Math.min(first + parts, (sequence + 1) * g);
    const groups = [part - sequence * g, until - sequence * g] as const;
    const queries = lazily((): Turned => {
      const mine = q.at(0, sequence).slice(1, groups[0] * r, groups[1] * r);
      return loadTurned(emit, mine, roomIn(emit, q.dtype, "q"));
    });
    runs.push({ sequence, groups, part: part - first, queries });
    part = until;
  }
  return runs;
}
