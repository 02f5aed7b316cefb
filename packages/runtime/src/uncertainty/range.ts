/**
 * How far a predicted time may be off. What whole measured kernels leave unexplained (docs/accuracy.md) is the largest part; time that
 * rests on costs that nobody measured adds to it, and so do the choices of the duty limiter. A range is meant to hold nine measurements
 * of ten, of kernels of families that the figures do not come from too.
 */
import { fitted } from "./fitted.generated.ts";
import type { Evidence } from "./regimes.ts";
import type { Residuals } from "./tables.ts";

export interface Range {
  readonly low: number;
  readonly high: number;
}

/** Logarithm by which time on costs of a basis may be off, beyond what measured kernels show. */
const beyond: Readonly<Record<string, number>> = {
  assumed: Math.log(1.5),
  unknown: Math.log(2),
};

/** A generation of which no kernel was measured: half as fast or twice as slow again as what the others show. */
const UNMEASURED = 2;

/** Additional spread, as a logarithm, of costs that are assumed or unknown. */
export function weakness({ regimes }: Evidence): number {
  let sum = 0;
  for (const { share, basis } of regimes.values()) sum += share * (beyond[basis] ?? 0);
  return sum;
}

/** Range of the kernel's time in nanoseconds; `besideNs` is what the measurement holds beside the kernel. */
export function rangeOf(e: Evidence, besideNs = 0, table: Residuals = fitted.residuals): Range {
  const factor = table.generations.includes(e.generation) ? 1 : UNMEASURED;
  const weak = weakness(e);
  let between = 0;
  for (const { share, fabric } of e.regimes.values()) if (fabric) between += share;
  const spread = (side: "low" | "high"): number =>
    factor * ((1 - between) * table[side] + between * table.collectives[side]);
  return {
    low: (e.leastNs + besideNs) * Math.exp(Math.min(0, spread("low")) - weak),
    high: (e.mostNs + besideNs) * Math.exp(Math.max(0, spread("high")) + weak),
  };
}
