/**
 * Advice on a recording: the stream is played again with other costs. What it waits for stays as recorded, so changes that would move
 * waits (buffers, queues, loads left out) are not tried.
 */
import { type ClassPlan, dmaShape, type ReplayChange, recosted, replay } from "@opentrn/device";
import type { InstructionClass } from "@opentrn/isa";
import type { Profile } from "@opentrn/trace";
import { pathTicksBySite } from "../critical-path.ts";
import { pieceBytes } from "../dma.ts";
import type { Execution, Site } from "../execution.ts";
import { siteAt } from "../execution.ts";
import { visitStalls } from "../stalls.ts";
import { isTranspose } from "../utilisation.ts";
import { extentOf, fixedShare, widened } from "../widened.ts";
import { fits, unbatchable } from "./batch.ts";
import { narrowed } from "./bf16-matmul.ts";
import { denseCall, LARGE } from "./contiguous-layout.ts";
import type { Idea } from "./idea.ts";
import { bytesText, engineTitle, percentText } from "./words.ts";

const SIZES = [2, 4, 8, 16] as const;
const LEAST_FIXED = 0.1;
const RERUN = "profile the changed kernel on the device; trn profile NEW.json --against OLD.json";

export interface Recorded {
  readonly profile: Profile;
  readonly e: Execution;
}

/** A site with the class of its instructions, where all have one. */
interface Work {
  readonly site: Site;
  readonly of: InstructionClass;
  readonly count: number;
  readonly weight: number;
  readonly ids: ReadonlySet<string>;
}

export function* recordedIdeas(
  r: Recorded,
  instructionIds: readonly (string | undefined)[],
): Iterable<Idea> {
  const works = worksOf(r, instructionIds);
  for (const w of works) {
    const fixed = fixedShare({ of: w.of, control: false });
    if (w.of.op.cost.kind === "dma") {
      const dense = contiguous(r, w);
      if (dense) yield dense;
      continue;
    }
    if (w.count > 1 && fixed >= LEAST_FIXED && unbatchable(w.of) === undefined) {
      const idea = batched(r, w, fixed);
      if (idea) yield idea;
    }
  }
  const wide = works.filter(
    ({ of }) =>
      of.op.name === "nc_matmul" && of.call.tile["moving"]!.dtype === "float32" && !turns(of),
  );
  if (wide.length > 0) yield inBf16(r, wide);
  const turned = works.filter(({ of }) => turns(of) && of.engine === "tensor");
  if (turned.length > 0) yield withoutTransposes(r, turned);
}

const turns = (of: InstructionClass): boolean =>
  isTranspose({ instruction: "", of, plan: {} as ClassPlan, control: false });

function worksOf({ e }: Recorded, instructionIds: readonly (string | undefined)[]): Work[] {
  const ticks = pathTicksBySite(e);
  visitStalls(e, (_, cause, __, t) => {
    ticks[siteAt(e, cause).id]! += t;
  });
  const found = new Map<number, { of: InstructionClass; ids: Set<string> }>();
  for (let i = 0; i < e.graph.count; i++) {
    const { of } = e.kinds[i]!;
    const id = instructionIds[i];
    if (!of || id === undefined) continue;
    const work = found.get(e.siteOf[i]!) ?? { of, ids: new Set<string>() };
    found.set(e.siteOf[i]!, work);
    work.ids.add(id);
  }
  return [...found].map(([site, { of, ids }]) => ({
    site: e.sites[site]!,
    of,
    ids,
    count: ids.size,
    weight: ticks[site]!,
  }));
}

/** The total of the stream with a change of some of its instructions. */
const timed = ({ profile, e }: Recorded, works: readonly Work[], change: ReplayChange): number =>
  replay(profile, e.chip, (i, c) => (works.some((w) => w.ids.has(i.id)) ? change(i, c) : undefined))
    .totalNs;

function batched(r: Recorded, w: Work, fixed: number): Idea | undefined {
  const { site, of, count } = w;
  const sizes = SIZES.filter((n) => n <= count && fits(of, n));
  if (sizes.length === 0) return undefined;
  const { free } = extentOf(of.call);
  return {
    kind: site.engine === "tensor" ? "wider moving tile" : "batch",
    site,
    weight: w.weight,
    gain: "expected",
    variants: sizes.map((n) => ({
      time: () => timed(r, [w], () => ({ plan: (plan, c) => sharedPlan(plan, c, n) })),
      text: {
        says: `${count} ${site.instruction} run on ${engineTitle(site.engine)} with ${free} elements a partition: ${percentText(fixed)} of their time is fixed.`,
        change: `Work on ${n} of these tiles an instruction; each was timed with an n-th of the longer one's time.`,
        check: RERUN,
      },
    })),
  };
}

/** The plan of one of `n` instructions that one replaces: an n-th of its interval. */
function sharedPlan(plan: ClassPlan, c: InstructionClass, n: number): ClassPlan {
  const whole = recosted(plan, { ...c, call: widened(c.call, n) });
  const interval = Math.round(whole.interval / n);
  return {
    ...plan,
    interval,
    latency: interval + (whole.latency - whole.interval),
    streamCycles: whole.streamCycles / n,
  };
}

function contiguous(r: Recorded, w: Work): Idea | undefined {
  const { op, call } = w.of;
  const [before, after] = [call, denseCall(call)].map((x) => pieceBytes(dmaShape(op, x, 0)));
  if (before! >= LARGE || after! <= before!) return undefined;
  return {
    kind: "contiguous layout",
    site: w.site,
    weight: w.weight,
    gain: "expected",
    variants: [
      {
        time: () =>
          timed(r, [w], () => ({ shape: (c, shift) => dmaShape(c.op, denseCall(c.call), shift) })),
        text: {
          says: `${w.site.instruction} moves pieces of ${bytesText(before!)}; DMA engines come near their rate from ${LARGE} B on.`,
          change: `Lay the HBM tensor out so that what one partition gets is contiguous (${bytesText(after!)} a piece).`,
          check: RERUN,
        },
      },
    ],
  };
}

const heaviest = (works: readonly Work[]): Work =>
  works.reduce((a, b) => (b.weight > a.weight ? b : a));
const sum = (works: readonly Work[]): number => works.reduce((n, w) => n + w.weight, 0);

function inBf16(r: Recorded, works: readonly Work[]): Idea {
  const operands = new Set(["moving", "stationary"]);
  // Two instructions for fp32 become one: each is timed with half of it.
  const plan = (p: ClassPlan, c: InstructionClass): ClassPlan => {
    const one = recosted(p, { ...c, call: narrowed(c.call, operands) });
    return { ...one, interval: Math.round(one.interval / 2), streamCycles: one.streamCycles / 2 };
  };
  return {
    kind: "bf16 matmul",
    site: heaviest(works).site,
    weight: sum(works),
    gain: "expected",
    variants: [
      {
        time: () => timed(r, works, () => ({ plan })),
        text: {
          says: `${works.reduce((n, w) => n + w.count, 0) / 2} matmuls multiply fp32, which takes ${r.e.chip.tensor.fp32Passes.value} passes through the array.`,
          change:
            "Keep their operands in bf16; sums stay fp32 in PSUM. Products then carry 8 bits of mantissa, and loads of the operands halve, which is not timed here.",
          check: RERUN,
        },
      },
    ],
  };
}

function withoutTransposes(r: Recorded, works: readonly Work[]): Idea {
  const plan = (p: ClassPlan): ClassPlan => ({ ...p, interval: 0, streamCycles: 0, loadCycles: 0 });
  return {
    kind: "transpose by DMA",
    site: heaviest(works).site,
    weight: sum(works),
    gain: "at most",
    variants: [
      {
        time: () => timed(r, works, () => ({ plan })),
        text: {
          says: `${works.reduce((n, w) => n + w.count, 0)} tiles are transposed on TensorE.`,
          change:
            "Load them transposed (dma_transpose, or a tensor kept transposed in HBM); what the loads then take longer is not timed here.",
          check: RERUN,
        },
      },
    ],
  };
}
