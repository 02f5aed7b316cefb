/** Whether measurements cover what a kernel does: the generation of its chip, the kinds of work it spends time in, how long it takes. */
import { fitted } from "./fitted.generated.ts";
import type { Evidence } from "./regimes.ts";
import type { Measured } from "./tables.ts";

/** Share of the time that may be in work of no measured kind. */
const TOLERATED = 0.05;
/** Kinds of work with less are not named. */
const NAMED = 0.01;

/** Why a prediction is outside the validated envelope, the weightiest reason first; empty inside. */
export function outsideOf(e: Evidence, table: Measured = fitted.measured): string[] {
  const known = table[e.generation];
  if (!known) return [`no kernel on ${e.generation} was compared with a measurement`];
  const covered = new Set(known.regimes);
  const foreign = [...e.regimes]
    .filter(([key, { share }]) => !covered.has(key) && share > 0)
    .toSorted(([, a], [, b]) => b.share - a.share);
  const share = foreign.reduce((sum, [, r]) => sum + r.share, 0);
  const reasons =
    share > TOLERATED
      ? foreign
          .filter(([, r]) => r.share >= NAMED)
          .map(
            ([key, r]) =>
              `${(100 * r.share).toFixed(0)} % of the time is in ${key}, which no measured kernel on ${e.generation} has`,
          )
      : [];
  if (share > TOLERATED && reasons.length === 0)
    reasons.push(
      `${(100 * share).toFixed(0)} % of the time is in work that no measured kernel on ${e.generation} has`,
    );
  let between = 0;
  for (const r of e.regimes.values()) if (r.fabric) between += r.share;
  const shortest = 1e3 * known.shortestUs;
  // Collectives alone were measured down to microseconds.
  if (e.meanNs < shortest / 2 && between < 1 / 2)
    reasons.push(
      `it takes less than half the time of the shortest kernel measured on ${e.generation} (${known.shortestUs.toFixed(0)} µs)`,
    );
  return reasons;
}
