/** Attention, forward: what is loaded when, and in which order steps go through their stages (forward-stages.ts). */
import type { Chip } from "@opentrn/chips";
import type { AttentionConfig, AttentionSizes } from "@opentrn/ir";
import { bytesOf, type DType } from "@opentrn/numerics";
import type { Emitter } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import { type ChunkLoad, shareOfTensor, wantsAllRows } from "./balance.ts";
import { BLOCK, banksFor, type ForwardLags, ForwardStages, underWay } from "./forward-stages.ts";
import { Ledger } from "./ledger.ts";
import { Packing, type Step } from "./packing.ts";
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

/** Heads times tokens that are loaded at once, and how far ahead of their use. */
export interface Depth extends ForwardLags {
  readonly tokens: number;
}

/** From what is fastest, by the predicted timeline, to what needs least memory. Steps of fp32 are so long that transfers need fewer. */
const depths = {
  narrow: [
    { tokens: 4096, score: 8, collect: 10 },
    { tokens: 2048, score: 8, collect: 10 },
    { tokens: 2048, score: 5, collect: 7 },
    { tokens: 1024, score: 4, collect: 6 },
    { tokens: 1024, score: 2, collect: 4 },
    { tokens: 512, score: 1, collect: 3 },
  ],
  wide: [
    { tokens: 4096, score: 3, collect: 5 },
    { tokens: 2048, score: 3, collect: 5 },
    { tokens: 1024, score: 2, collect: 4 },
    { tokens: 512, score: 1, collect: 3 },
  ],
} as const satisfies Record<string, readonly Depth[]>;

/** Bytes of a partition for constants, columns and what alignment costs. */
const SLACK = 20 * 1024;

/** Lowers attention of those sizes, with the first depth that fits SBUF. Instructions grow with b h n m / (128 x 128). */
export function lowerForward(
  emit: Emitter,
  sizes: AttentionSizes,
  config: AttentionConfig,
  tensors: ForwardTensors,
  all: readonly Depth[] = depths[tensors.q.dtype === "float32" ? "wide" : "narrow"],
): void {
  const { dtype } = tensors.q;
  const width = bytesOf(dtype);
  const share = shareOfTensor(emit.chip, loadOf(sizes, config, dtype));
  const room = emit.chip.sbuf.usableBytesPerPartition.value - SLACK;
  for (const depth of all) {
    const ledger = new Ledger();
    const steps = stepsOf(emit, sizes, config, tensors, { depth, share, ledger });
    const bytes = ledger.peak(depth.score + depth.collect) + underWay(depth, width);
    if (bytes > room && depth !== all.at(-1)) continue;
    const options = { share, steps: steps.length, lags: depth };
    const stages = new ForwardStages(emit, sizes, config, tensors, options);
    pipeline(steps, stages.stages);
    stages.end();
    return;
  }
}

interface Plan {
  readonly depth: Depth;
  readonly share: number;
  readonly ledger: Ledger;
}

/** All steps, with what they read: of every sequence and group of key heads, panel by panel, batch by batch. */
function stepsOf(
  emit: Emitter,
  sizes: AttentionSizes,
  config: AttentionConfig,
  tensors: ForwardTensors,
  { depth, share, ledger }: Plan,
): readonly Step<Reads>[] {
  const { b, g, r, d } = sizes;
  const { tokens, score: lag } = depth;
  const { abreast, ranges } = stripsOf(sizes, bytesOf(tensors.q.dtype), tokens);
  const most = Products.most(banksFor(share), d);
  // Keys of a tile that come at once.
  const block = Math.min(BLOCK, ranges[0]![1]);
  const padded = padsFeatures(emit.chip, sizes, config);
  const sources = new Sources(emit, tensors, { padded, lag, ledger });
  const packing = new Packing<Reads>(BLOCK, tensors.start !== undefined);
  for (let sequence = 0; sequence < b; sequence++)
    for (let group = 0; group < g; group += abreast) {
      const groups = [group, Math.min(group + abreast, g)] as const;
      const all = ranges.length === 1 ? sources.keys(sequence, groups, ranges[0]!) : undefined;
      const heads = [groups[0] * r, groups[1] * r] as const;
      for (const panel of panelsOf(sizes, sequence, heads, tokens)) {
        const queries = sources.queries(panel);
        for (const batch of batchesOf(sizes, config.causal, panel, { most, block })) {
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
  return packing.steps;
}

/** Key heads that are loaded together, and the ranges of keys that are: all of them, or strips where they are too many. */
function stripsOf({ m, n, g, r, d }: AttentionSizes, width: number, tokens: number) {
  const perKey = width * (Math.ceil(d / P) + d / P);
  // What a part of so many tokens takes with 128 features in fp32, and half as much again.
  const fits = m * perKey <= 12 * tokens;
  const abreast = fits ? Math.max(1, Math.min(g, Math.floor(tokens / Math.max(m, r * n)))) : 1;
  const size = fits ? m : tokens;
  const ranges: (readonly [number, number])[] = [];
  for (let from = 0; from < m; from += size) ranges.push([from, Math.min(m, from + size)]);
  return { abreast, ranges };
}

const MATMULS = { scores: 1, products: 1 };

function loadOf(sizes: AttentionSizes, { causal }: AttentionConfig, dtype: DType): ChunkLoad {
  const { n, m, r, d } = sizes;
  const bytes = ((2 * n + (2 * m) / r) * d * bytesOf(dtype)) / chunksOf(sizes, causal);
  // Measured on the timeline: what comes once a segment is nearly half as much again.
  return { dtype, bytes, matmuls: MATMULS, d, passes: 1.3 };
}

/** Whether features are padded to 128. */
const padsFeatures = (chip: Chip, sizes: AttentionSizes, { causal }: AttentionConfig): boolean =>
  wantsAllRows(chip, sizes.d, MATMULS, sizes.b * sizes.h * chunksOf(sizes, causal));
