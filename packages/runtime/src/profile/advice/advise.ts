/** Times every idea that promises enough by running the timeline with it, and ranks those that help by what they save. */
import { OpenTrnError, toTicks } from "@opentrn/base";
import type { AdviceReport } from "../profile-report.ts";
import { shareOf, siteReport } from "../rows.ts";
import { advisers } from "./advisers.ts";
import type { Idea, Variant } from "./idea.ts";
import type { Study } from "./study.ts";

/** Ideas whose site takes less of the total are not tried, and gains below it are not worth a line. */
const LEAST_SHARE = 0.005;
/** A later variant must beat an earlier one by this share of its gain. */
const WORTH = 1.05;

export interface AdviceOptions {
  /** Instances that all what-ifs together may run through the timeline; default 3 million, a few seconds. */
  readonly budget?: number;
}

const DEFAULT_BUDGET = 3_000_000;

export interface Advice {
  readonly advice: readonly AdviceReport[];
  readonly timed: number;
  readonly skipped: number;
}

/** Advice on a run. */
export function advise(study: Study, options: AdviceOptions = {}): Advice {
  const { totalNs, graph } = study.t;
  const ideas = advisers.flatMap((adviser) => [...adviser(study)]);
  return ranked(ideas, totalNs, graph.count, options);
}

/** Times ideas, the ones that promise most first, and ranks those that help. `instances`: what timing one of them runs through. */
export function ranked(
  all: readonly Idea[],
  totalNs: number,
  instances: number,
  { budget = DEFAULT_BUDGET }: AdviceOptions = {},
): Advice {
  const least = toTicks(totalNs) * LEAST_SHARE;
  const ideas = all.toSorted((a, b) => b.weight - a.weight);
  const advice: AdviceReport[] = [];
  let [left, timed, skipped] = [budget, 0, 0];
  for (const idea of ideas) {
    const cost = instances * idea.variants.length;
    if (idea.weight < least || cost > left) {
      skipped += idea.variants.length;
      continue;
    }
    left -= cost;
    timed += idea.variants.length;
    const best = bestOf(idea, totalNs);
    if (best && best.gain >= totalNs * LEAST_SHARE) advice.push(adviceOf(idea, best, totalNs));
  }
  advice.sort((a, b) => b.gain_ns - a.gain_ns);
  return { advice, timed, skipped };
}

interface Best {
  readonly variant: Variant;
  readonly gain: number;
}

function bestOf(idea: Idea, totalNs: number): Best | undefined {
  let best: Best | undefined;
  for (const variant of idea.variants) {
    const total = timeOf(variant);
    if (total === undefined) continue;
    const gain = totalNs - total;
    if (best === undefined || gain > best.gain * WORTH) best = { variant, gain };
  }
  return best;
}

/** Undefined where the change does not work out: instructions would wait for each other in a circle. */
function timeOf(variant: Variant): number | undefined {
  try {
    return variant.time();
  } catch (e) {
    if (
      e instanceof OpenTrnError &&
      (e.category === "invalid program" || e.category === "capacity")
    )
      return undefined;
    throw e;
  }
}

const adviceOf = (idea: Idea, { variant, gain }: Best, totalNs: number): AdviceReport => ({
  kind: idea.kind,
  site: siteReport(idea.site),
  ...variant.text,
  gain_ns: gain,
  gain_share: shareOf(gain, totalNs),
  total_ns: totalNs - gain,
  gain: idea.gain,
});
