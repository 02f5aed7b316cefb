/**
 * How long a collective takes from the moment all its ranks are ready: a launch, the steps of the algorithm that the runtime picks by
 * size, and the bytes each rank must send over the narrowest part of its way. Algorithms and their ranges are documented (Neuron
 * runtime, intra-node and inter-node collective communication); steps and rates are facts of the chip. Between machines the runtime
 * splits an operation into stages inside and between them.
 */
import { OpenTrnError } from "@opentrn/base";
import { type Fabric, linksOf, networkOf, ranksPerChip, type Span, spanOf } from "./places.ts";

export const collectiveOps = [
  "all_reduce",
  "all_gather",
  "reduce_scatter",
  "all_to_all",
  "permute",
] as const;
export type CollectiveOp = (typeof collectiveOps)[number];

export type Algorithm = "mesh" | "doubling" | "ring" | "shared ring" | "direct";

export interface CollectiveTime {
  readonly ns: number;
  readonly algorithm: Algorithm;
  readonly steps: number;
  /** Bytes that each rank sends. */
  readonly sentBytes: number;
  /** What the group spans. */
  readonly across: "one chip" | "chips" | "machines";
}

/** Bytes that every rank of `n` sends, for `bytes` of its own operand. */
const sent: Readonly<Record<CollectiveOp, (bytes: number, n: number) => number>> = {
  all_reduce: (b, n) => (2 * b * (n - 1)) / n,
  all_gather: (b, n) => b * (n - 1),
  reduce_scatter: (b, n) => (b * (n - 1)) / n,
  all_to_all: (b, n) => (b * (n - 1)) / n,
  permute: (b) => b,
};

/** Size of the whole buffer, which the runtime picks the algorithm by. */
const whole = (op: CollectiveOp, bytes: number, n: number): number =>
  op === "all_gather" ? bytes * n : bytes;

/** A reduction is scattered and then gathered, so it passes twice. */
const passes = (op: CollectiveOp): number => (op === "all_reduce" ? 2 : 1);

function pick({ chip }: Fabric, op: CollectiveOp, size: number, span: Span): Algorithm {
  const c = chip.collectives;
  if (op === "permute") return "direct";
  if (c.meshes.value && size <= c.meshBytes.value) return "mesh";
  if (c.meshes.value && span.chips === 1) return "mesh";
  if (c.meshes.value && size <= c.doublingBytes.value) return "doubling";
  return c.sharedPlaces.value && span.perChip > 1 ? "shared ring" : "ring";
}

const stepsOf: Readonly<Record<Algorithm, (op: CollectiveOp, s: Span) => number>> = {
  // One step where all ranks are on a chip; between chips one more, and a small reduction needs no second pass.
  mesh: (_, s) => (s.chips === 1 ? 1 : 2),
  doubling: (op, s) => passes(op) * (1 + Math.ceil(Math.log2(s.chips))),
  ring: (op, s) => passes(op) * (s.perChip * s.chips - 1),
  "shared ring": (op, s) => passes(op) * (Math.ceil((s.perChip * s.chips) / 2) - 1),
  direct: () => 1,
};

/** Bytes a nanosecond of one rank inside a machine. */
function rate(fabric: Fabric, op: CollectiveOp, span: Span): number {
  const callers = fabric.callers ?? 1;
  const cores = (fabric.coresPerRank * fabric.chip.collectives.bytesPerNs.value) / callers;
  const links = span.chips > 1 ? linksOf(fabric) : undefined;
  if (!links) return cores;
  // A permute goes from chip to chip over one link; everything else is spread over all of them.
  return Math.min(cores, (op === "permute" ? links.one : links.all / span.perChip) / callers);
}

function inside(fabric: Fabric, op: CollectiveOp, bytes: number, span: Span) {
  const n = span.perChip * span.chips;
  if (n === 1) return { ns: 0, steps: 0, sentBytes: 0, algorithm: "direct" as Algorithm };
  const c = fabric.chip.collectives;
  const algorithm = pick(fabric, op, whole(op, bytes, n), span);
  const steps = stepsOf[algorithm](op, span);
  const each = algorithm === "mesh" || algorithm === "doubling" ? c.stepNs.value : c.hopNs.value;
  const sentBytes = sent[op](bytes, n);
  return { ns: steps * each + sentBytes / rate(fabric, op, span), steps, sentBytes, algorithm };
}

/** Stages of an operation over several machines: what runs inside one, and what between them, with the bytes of each rank. */
function stages(op: CollectiveOp, bytes: number, inner: number): readonly [CollectiveOp, number][] {
  if (op === "all_reduce")
    return [
      ["reduce_scatter", bytes],
      ["all_gather", bytes / inner],
    ];
  return op === "permute" ? [] : [[op, bytes]];
}

/** The time of one collective; `bytes` is a rank's own operand (what it sends, or of an all-gather contributes). */
export function collectiveTime(
  fabric: Fabric,
  op: CollectiveOp,
  bytes: number,
  group: readonly number[],
): CollectiveTime {
  const span = spanOf(fabric, group);
  const launch = fabric.chip.collectives.launchNs.value;
  if (span.machines === 1) {
    const { ns, ...rest } = inside(fabric, op, bytes, span);
    return { ...rest, ns: launch + ns, across: span.chips > 1 ? "chips" : "one chip" };
  }
  const network = networkOf(fabric);
  if (network === undefined)
    throw new OpenTrnError(
      `${group.length} ranks on ${fabric.chip.name} need ${span.machines} machines of ${ranksPerChip(fabric) * (fabric.machine?.chips.value ?? 1)} ranks, and no network between them is known`,
      { category: "unknown specification", rule: "network" },
    );
  const inner = span.perChip * span.chips;
  const parts = stages(op, bytes, inner).map(([stage, b]) => inside(fabric, stage, b, span));
  const { machines } = span;
  const steps = op === "permute" ? 1 : passes(op) * Math.ceil(Math.log2(machines));
  const between = sent[op](op === "all_reduce" ? bytes / inner : bytes, machines);
  const stepNs = fabric.chip.collectives.networkStepNs.value;
  return {
    ns:
      launch +
      parts.reduce((sum, p) => sum + p.ns, 0) +
      steps * stepNs +
      between / (network / span.perChip / (fabric.callers ?? 1)),
    algorithm: parts[0]?.algorithm ?? "direct",
    steps: steps + parts.reduce((sum, p) => sum + p.steps, 0),
    sentBytes: between + parts.reduce((sum, p) => sum + p.sentBytes, 0),
    across: "machines",
  };
}
