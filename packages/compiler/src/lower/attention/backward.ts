/** The gradient of attention: which parts are on chip together, and in which order pieces go through their stages (backward-stages.ts). */
import { invariant } from "@opentrn/base";
import type { AttentionConfig, AttentionSizes } from "@opentrn/ir";
import { bytesOf, type DType } from "@opentrn/numerics";
import type { Emitter } from "../../emit/emitter.ts";
import { type Division, divisionsOf, sumBytes } from "./backward-memory.ts";
import { type BackwardStep, backwardSteps, blocksOf } from "./backward-plan.ts";
import {
  BackwardSources,
  type BackwardTensors,
  type KeySide,
  type QuerySide,
} from "./backward-sources.ts";
import {
  type BackwardDelays,
  BackwardStages,
  type BackwardWork,
  delaysFor,
  underWay,
} from "./backward-stages.ts";
import { type ChunkLoad, shareOfTensor, wantsAllRows } from "./balance.ts";
import type { KeyBlock, KeyPanel } from "./key-gradients.ts";
import { Ledger } from "./ledger.ts";
import { pipeline } from "./pipeline.ts";
import { chunksOf, type Panel, type Tile, tilesOf } from "./plan.ts";
import type { Visit } from "./query-gradients.ts";

const MATMULS = { scores: 2, products: 3 };

/** Bytes of a partition for constants, columns and what alignment costs. */
const SLACK = 14 * 1024;

/** Lowers the gradient of attention of those sizes, divided in the first way that fits SBUF. Instructions grow with b h n m / (128 x 128). */
export function lowerBackward(
  emit: Emitter,
  sizes: AttentionSizes,
  config: AttentionConfig,
  tensors: BackwardTensors,
  { ways = divisionsOf(sizes), delays: all = delaysFor(tensors.q.dtype) }: BackwardChoices = {},
): void {
  const { work, delays, division } = planOf(emit, sizes, config, tensors, { ways, delays: all });
  const chunks = chunksOf(sizes, config.causal);
  const share = shareOfTensor(emit.chip, loadOf(sizes, chunks, tensors.q.dtype));
  const options = { share, delays, spills: division.spills };
  const stages = new BackwardStages(emit, sizes, config, tensors, work, options);
  pipeline(work, stages.stages);
}

/** What is tried, best first; all there is unless said otherwise. */
export interface BackwardChoices {
  readonly ways?: readonly (readonly Division[])[];
  readonly delays?: readonly BackwardDelays[];
}

interface Plan {
  readonly work: readonly (BackwardWork | undefined)[];
  readonly delays: BackwardDelays;
  readonly division: Division;
}

/** The first way that fits SBUF; the last one where none does, whose overflow then says what is too large. */
function planOf(
  emit: Emitter,
  sizes: AttentionSizes,
  config: AttentionConfig,
  tensors: BackwardTensors,
  { ways, delays: all }: Required<BackwardChoices>,
): Plan {
  const { dtype } = tensors.q;
  const room = emit.chip.sbuf.usableBytesPerPartition.value - SLACK;
  const chunks = chunksOf(sizes, config.causal);
  const padded = wantsAllRows(emit.chip, sizes.d, MATMULS, sizes.b * sizes.h * chunks);
  let plan: Plan | undefined;
  for (const divisions of ways)
    for (const delays of all)
      for (const division of divisions) {
        const ledger = new Ledger();
        const lag = delays.multiply - delays.load;
        const sources = new BackwardSources(emit, tensors, { padded, lag, ledger });
        const { work } = new Order(sizes, config.causal, sources, division, delays.dq);
        plan = { work, delays, division };
        const bytes =
          ledger.peak(delays.dq) +
          underWay(work, delays, bytesOf(dtype)) +
          sumBytes(sizes, division) * (division.overlaps ? 2 : 1);
        if (bytes <= room) return plan;
      }
  invariant(plan, "there is at least one way to divide the gradient of attention");
  return plan;
}

function loadOf({ n, m, r, d }: AttentionSizes, chunks: number, dtype: DType): ChunkLoad {
  // q, do and their turned forms, o and dq; k and its turned form, v, dk and dv for all heads of a group.
  const bytes = ((6 * n + (5 * m) / r) * d * bytesOf(dtype)) / chunks;
  // Measured on the timeline: three quarters as much again for what comes once a piece or a tile.
  return { dtype, bytes, matmuls: MATMULS, d, passes: 1.75 };
}

/** Goes through sequences, key heads, query heads, blocks of keys and queries, and lists what each step has to do. */
class Order {
  /** Gaps let everything under way end, where the next part has no room beside it. */
  readonly work: (BackwardWork | undefined)[] = [];
  private readonly sizes: AttentionSizes;
  private readonly causal: boolean;
  private readonly sources: BackwardSources;
  private readonly division: Division;
  private readonly tiles = new Map<QuerySide, readonly Tile[]>();
  /** Rounds from a piece's first stage to its last. */
  private readonly lag: number;
  private steps = 0;
  private last: BackwardStep | undefined;

  constructor(
    sizes: AttentionSizes,
    causal: boolean,
    sources: BackwardSources,
    division: Division,
    lag: number,
  ) {
    this.lag = lag;
    this.sizes = sizes;
    this.causal = causal;
    this.sources = sources;
    this.division = division;
    const { b, g } = sizes;
    for (let sequence = 0; sequence < b; sequence++)
      for (let group = 0; group < g; group += division.groups) {
        const groups = [group, Math.min(group + division.groups, g)] as const;
        if (division.spills) this.spilling(sequence, groups);
        else this.whole(sequence, groups);
      }
  }

  /** All queries of some heads and all keys are on chip. */
  private whole(sequence: number, groups: readonly [number, number]): void {
    const { m, n, r } = this.sizes;
    const { heads } = this.division;
    const blocks = blocksOf(this.sizes);
    const passes = Math.ceil(r / heads);
    const count = blocks.length * (groups[1] - groups[0]);
    const panel: KeyPanel = { sequence, heads: groups, keys: [0, m], passes, blocks: count };
    const keys = this.sources.keys(sequence, groups, [0, m]);
    for (let pass = 0; pass < passes; pass++) {
      const first = groups[0] * r + pass * heads;
      const last = passes === 1 ? groups[1] * r : Math.min(first + heads, groups[1] * r);
      const queries = this.queriesOf({ sequence, heads: [first, last], queries: [0, n] });
      for (let head = groups[0]; head < groups[1]; head++)
        blocks.forEach((range, block) => {
          this.block({ panel, head, keys: range, pass }, block, keys, [queries]);
        });
      this.gap();
    }
  }

  /** Queries pass by in strips, again for each block of keys. */
  private spilling(sequence: number, [head]: readonly [number, number]): void {
    const { n, r } = this.sizes;
    const strip = this.division.queries;
    blocksOf(this.sizes).forEach((range, block) => {
      const panel: KeyPanel = {
        sequence,
        heads: [head, head + 1],
        keys: range,
        passes: 1,
        blocks: 1,
      };
      const keys = this.sources.keys(sequence, [head, head + 1], range);
      const queries: QuerySide[] = [];
      // The last queries first: they see every key, and begin its sums.
      for (let h = head * r; h < (head + 1) * r; h++)
        for (let from = (Math.ceil(n / strip) - 1) * strip; from >= 0; from -= strip)
          queries.push(
            this.queriesOf({
              sequence,
              heads: [h, h + 1],
              queries: [from, Math.min(n, from + strip)],
            }),
          );
      this.block({ panel, head, keys: range, pass: 0 }, block, keys, queries);
    });
  }

  private queriesOf(panel: Panel): QuerySide {
    const made = this.sources.queries(panel);
    this.tiles.set(made, tilesOf(this.sizes, this.causal, panel.heads, panel.queries));
    return made;
  }

  private block(block: KeyBlock, number: number, keys: KeySide, sides: readonly QuerySide[]): void {
    const { r } = this.sizes;
    const before = this.work.length;
    for (const queries of sides) {
      const tiles = this.tiles.get(queries)!;
      const mine = tiles.filter((t) => Math.floor(t.head / r) === block.head);
      const visit: Visit = { panel: queries.panel, tiles, block: number };
      const had = this.last?.pieces.length ?? 0;
      for (const step of backwardSteps(mine, block.keys, this.last)) {
        const again = step === this.last;
        const index = again ? this.steps - 1 : this.steps++;
        for (const piece of step.pieces.slice(again ? had : 0)) {
          keys.readBy(this.work.length);
          queries.readBy(this.work.length);
          this.work.push({ piece, step, index, keys, queries, visit, block, closes: false });
        }
        this.last = step;
      }
    }
    const last = this.work.length - 1;
    if (last >= before) this.work[last] = { ...this.work[last]!, closes: true };
  }

  private gap(): void {
    if (this.division.overlaps) return;
    for (let i = 0; i <= this.lag; i++) this.work.push(undefined);
    this.last = undefined;
  }
}
