/** Attention, forward: what is loaded when, and in which order steps go through their stages (forward-stages.ts). */
import type { AttentionConfig, AttentionSizes } from "@opentrn/ir";
import { bytesOf } from "@opentrn/numerics";
import type { Emitter } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import { BANK, BLOCK, ForwardStages, stageDelays, type Work } from "./forward-stages.ts";
import { loadTokens, loadTurned } from "./loads.ts";
import { pipeline } from "./pipeline.ts";
import { type Batch, batchesOf, P, stepsOf } from "./plan.ts";

export interface ForwardTensors {
  /** [b, n, h, d]; k and v [b, m, g, d]. */
  readonly q: View;
  readonly k: View;
  readonly v: View;
  /** Where o and lse go. */
  readonly o: readonly View[];
  readonly lse: readonly View[];
}

/** Bytes of a partition that keys and values may take, twice: those in use and those that come next. */
const KEYS_AND_VALUES = 64 * 1024;
/** Heads times tokens that are loaded at once. */
const TOKENS = 4096;
/** Keys of a strip, where all of them are too many. */
const STRIP = 4096;

/** Heads of keys and values that are loaded together, and the ranges of keys that are. */
export function strips({ m, n, g, r, d }: AttentionSizes, width: number) {
  const bytes = (tokens: number): number => 2 * Math.ceil(d / P) * tokens * width;
  const fits = bytes(m) <= KEYS_AND_VALUES;
  const abreast = fits ? Math.max(1, Math.min(g, Math.floor(TOKENS / Math.max(m, r * n)))) : 1;
  const size = fits ? m : Math.min(STRIP, Math.floor(KEYS_AND_VALUES / bytes(P)) * P);
  const ranges: (readonly [number, number])[] = [];
  for (let from = 0; from < m; from += size) ranges.push([from, Math.min(m, from + size)]);
  return { abreast, ranges };
}

/** Lowers attention of those sizes. Instructions grow with b h n m / (128 x 128). */
export function lowerForward(
  emit: Emitter,
  sizes: AttentionSizes,
  config: AttentionConfig,
  tensors: ForwardTensors,
): void {
  const { b, g, r, d } = sizes;
  const { abreast, ranges } = strips(sizes, bytesOf(tensors.q.dtype));
  const most = Math.min(8, Math.floor(BANK / d));
  const work: Work[] = [];
  for (let sequence = 0; sequence < b; sequence++)
    for (let group = 0; group < g; group += abreast) {
      const groups = [group, Math.min(group + abreast, g)] as const;
      const heads = [groups[0] * r, groups[1] * r] as const;
      const whole =
        ranges.length === 1 ? keysOf(emit, tensors, sequence, groups, ranges[0]!) : undefined;
      for (const batch of batchesOf(sizes, config.causal, sequence, heads, {
        most,
        block: BLOCK,
      })) {
        const queries = queriesOf(emit, tensors, batch);
        stepsOf(batch, BLOCK, ranges).forEach((steps, i) => {
          const keys = whole ?? keysOf(emit, tensors, sequence, groups, ranges[i]!);
          for (const step of steps) work.push({ step, keys, queries });
        });
      }
    }
  const stages = new ForwardStages(emit, sizes, config, tensors);
  pipeline(work, stageDelays(stages));
  stages.end();
}

/** Runs `load` when it is first asked. */
export function lazily<T>(load: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= load();
    return made;
  };
}

function keysOf(
  emit: Emitter,
  { k, v }: ForwardTensors,
  sequence: number,
  [g0, g1]: readonly [number, number],
  [from, to]: readonly [number, number],
): Work["keys"] {
  const part = (x: View): View => x.at(0, sequence).slice(0, from, to).slice(1, g0, g1);
  const load = lazily(() => ({
    k: loadTurned(emit, part(k), "k"),
    v: loadTokens(emit, part(v), "v"),
  }));
  return { load, from, group: g0 };
}

function queriesOf(emit: Emitter, { q }: ForwardTensors, batch: Batch): Work["queries"] {
  const part = q
    .at(0, batch.sequence)
    .slice(0, ...batch.queries)
    .slice(1, ...batch.heads);
  return { load: lazily(() => loadTurned(emit, part, "q")) };
}
