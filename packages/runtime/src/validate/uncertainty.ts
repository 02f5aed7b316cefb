/**
 * How far a predicted time may be off. Each part of the critical path carries the uncertainty of the costs it rests on; parts are
 * independent, so their shares add in squares. What a chip's own measurements do not cover counts more: `basisFactor`. To that comes
 * what the fit leaves unexplained (docs/accuracy.md).
 */
import type { Chip } from "@opentrn/chips";
import type { PathKind, Timeline } from "@opentrn/device";

/** Relative uncertainty by part of the path on trn2: the spread of the profiled instructions around our costs, rounded up. */
const partUncertainty: Readonly<Record<Exclude<PathKind, "dma queue">, number>> = {
  tensor: 0.03,
  vector: 0.05,
  scalar: 0.06,
  gpsimd: 0.4,
  sync: 0.05,
  "dma issue": 0.08,
  "dma start-up": 0.1,
  "dma data": 0.12,
  "dma completion": 0.1,
  semaphores: 0.1,
};

/** Chips other than trn2 rest on documents, screenshots and figures taken over. */
const basisFactor: Readonly<Record<2 | 3 | 4, number>> = { 2: 2.5, 3: 1, 4: 4 };

/** Median relative error that remains over whole kernels, by generation of the chip; trn3 was never compared. */
const residual: Readonly<Record<2 | 3 | 4, number>> = { 2: 0.1, 3: 0.08, 4: 0.3 };

/** Relative half-width of the range of the summed time of `timelines`. */
export function uncertaintyOf(chip: Chip, timelines: readonly Timeline[]): number {
  const spent = new Map<keyof typeof partUncertainty, number>();
  for (const t of timelines)
    for (const [kind, ticks] of Object.entries(t.criticalPath.spent) as [PathKind, number][]) {
      // Starting up and waiting for the transfers ahead count as one part: both end with the first data.
      const part = kind === "dma queue" ? "dma start-up" : kind;
      spent.set(part, (spent.get(part) ?? 0) + ticks);
    }
  const total = [...spent.values()].reduce((a, b) => a + b, 0);
  if (total === 0) return residual[chip.generation];
  const parts = [...spent].map(
    ([kind, ticks]) => (ticks / total) * partUncertainty[kind] * basisFactor[chip.generation],
  );
  return Math.hypot(residual[chip.generation], ...parts);
}
