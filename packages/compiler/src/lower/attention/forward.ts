/** Attention, forward: what is loaded when, and in which order steps go through their stages (forward-stages.ts). */
import type { Chip } from "@opentrn/chips";
import type { AttentionConfig, AttentionSizes } from "@opentrn/ir";
import { bytesOf, type DType } from "@opentrn/numerics";
import type { Emitter } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import { type ChunkLoad, shareOfTensor, wantsAllRows } from "./balance.ts";
import { BLOCK, banksFor, ForwardStages } from "./forward-stages.ts";
import { Packing } from "./packing.ts";
import { pipeline } from "./pipeline.ts";
import { batchesOf, chunksOf, P, panelsOf } from "./plan.ts";
import { Products } from "./products.ts";
import { lazily, type Reads, Sources } from "./sources.ts";

export interface ForwardTensors {
  /** [b, n, h, d]; k and v [b, m, g, d]. */
  readonly q: View;
  readonly k: View;
  readonly v: View;
  /** Where o and lse go. */
  readonly o: readonly View[];
  readonly lse: readonly View[];
  /** Position of the first query, int32 [1], where queries see keys up to their own position; known at run time. */
  readonly start?: View;
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
  const { dtype } = tensors.q;
  const { abreast, ranges } = strips(sizes, bytesOf(dtype));
  const share = shareOfTensor(emit.chip, loadOf(sizes, config, dtype));
  const most = Products.most(banksFor(share), d);
  const sources = new Sources(emit, tensors, padsFeatures(emit.chip, sizes, config));
  const packing = new Packing<Reads>(BLOCK, tensors.start !== undefined);
  for (let sequence = 0; sequence < b; sequence++)
    for (let group = 0; group < g; group += abreast) {
      const groups = [group, Math.min(group + abreast, g)] as const;
      const all = ranges.length === 1 ? sources.keys(sequence, groups, ranges[0]!) : undefined;
      for (const panel of panelsOf(sizes, sequence, [groups[0] * r, groups[1] * r])) {
        const queries = sources.queries(panel);
        for (const batch of batchesOf(sizes, config.causal, panel, { most, block: BLOCK })) {
          const keys = ranges.map((range) =>
            lazily(() => all ?? sources.keys(sequence, groups, range)),
          );
          packing.add(batch, ranges, (range, step) => {
            const reads = { keys: keys[range]!(), queries };
            reads.keys.readBy(step);
            queries.readBy(step);
            return reads;
          });
        }
      }
    }
  const { steps } = packing;
  const stages = new ForwardStages(emit, sizes, config, tensors, { share, steps: steps.length });
  pipeline(steps, stages.stages);
  stages.end();
}

const MATMULS = { scores: 1, products: 1 };

function loadOf(sizes: AttentionSizes, { causal }: AttentionConfig, dtype: DType): ChunkLoad {
  const { n, m, r, d } = sizes;
  const bytes = ((2 * n + (2 * m) / r) * d * bytesOf(dtype)) / chunksOf(sizes, causal);
  // Measured on the timeline: what comes once a segment is nearly half as much again.
  return { dtype, bytes, matmuls: MATMULS, d, passes: 1.3 };
}

/** Whether features are padded to 128: worth it where TensorE is busy for several windows of its duty limiter. */
const padsFeatures = (chip: Chip, sizes: AttentionSizes, { causal }: AttentionConfig): boolean =>
  sizes.b * sizes.h * chunksOf(sizes, causal) >= 64 && wantsAllRows(chip, sizes.d, MATMULS);
