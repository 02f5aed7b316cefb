/** Groups checked rows for tables. */
import { generationOf } from "../row.ts";
import { median, quantile } from "../statistics.ts";
import type { CheckedRow } from "../validation.ts";

export interface Family {
  readonly generation: string;
  readonly family: string;
  readonly metric: string;
  readonly rows: readonly CheckedRow[];
  readonly medianAbsPct: number;
  readonly p90AbsPct: number;
  /** Median with its sign: whether predictions are too high or too low. */
  readonly medianPct: number;
}

/** Measured rows of some metrics by generation, family and metric; most rows first within a generation. */
export function families(
  checked: readonly CheckedRow[],
  metrics: (metric: string) => boolean,
): Family[] {
  const groups = new Map<string, CheckedRow[]>();
  for (const c of checked) {
    if (c.row.kind === "threshold" || !metrics(c.row.metric)) continue;
    const key = [generationOf(c.row), c.row.family ?? c.row.kernel, c.row.metric].join("\n");
    const group = groups.get(key);
    if (group) group.push(c);
    else groups.set(key, [c]);
  }
  return [...groups]
    .map(([key, rows]) => {
      const [generation, family, metric] = key.split("\n") as [string, string, string];
      const errors = rows.map((r) => r.errorPct);
      return {
        generation,
        family,
        metric,
        rows,
        medianAbsPct: median(errors.map(Math.abs)),
        p90AbsPct: quantile(errors.map(Math.abs), 0.9),
        medianPct: median(errors),
      };
    })
    .toSorted(
      (a, b) =>
        a.generation.localeCompare(b.generation) ||
        b.rows.length - a.rows.length ||
        a.family.localeCompare(b.family) ||
        a.metric.localeCompare(b.metric),
    );
}

/** Share of measurements within the predicted range. */
export const coverage = (rows: readonly CheckedRow[]): number =>
  rows.filter(({ row, range: [low, high] }) => row.value >= low && row.value <= high).length /
  rows.length;

/** One row for each configuration, the worst first: the same kernel measured often would fill the list. */
export function worst(checked: readonly CheckedRow[], n: number): CheckedRow[] {
  const seen = new Set<string>();
  return checked
    .filter((c) => c.row.kind !== "threshold")
    .toSorted(
      (a, b) => Math.abs(b.errorPct) - Math.abs(a.errorPct) || a.row.id.localeCompare(b.row.id),
    )
    .filter(({ row }) => {
      const key = JSON.stringify([row.kernel, row.variant, row.dtype, row.shapes]);
      return !seen.has(key) && seen.add(key);
    })
    .slice(0, n);
}

/** Reasons why rows were not checked, with how many and which sources; most rows first. */
export function reasons(
  unchecked: readonly { readonly row: { readonly source_group?: string }; readonly why: string }[],
): { readonly why: string; readonly n: number; readonly sources: readonly string[] }[] {
  const groups = new Map<string, Set<string>>();
  const counts = new Map<string, number>();
  for (const { row, why } of unchecked) {
    counts.set(why, (counts.get(why) ?? 0) + 1);
    const sources = groups.get(why) ?? new Set();
    groups.set(why, sources.add(row.source_group ?? ""));
  }
  return [...groups]
    .map(([why, sources]) => ({ why, n: counts.get(why)!, sources: [...sources].sort() }))
    .toSorted((a, b) => b.n - a.n || a.why.localeCompare(b.why));
}
