/**
 * What ranges and the envelope rest on, worked out from measured rows: how far whole kernels are off, and which kinds of work they
 * cover. A claim about kernels of families that were not measured is tested by leaving each family out in turn.
 */
import type { Measured, Residuals, Tables } from "../uncertainty/tables.ts";
import { collectiveMetrics } from "./collective.ts";
import { kindOf, timeResidual } from "./metric.ts";
import { generationOf } from "./row.ts";
import { median } from "./statistics.ts";
import { type CheckedRow, judged, measuredCollectives, measuredTimes } from "./validation.ts";

/** Share of measurements that a range leaves out on each side. */
const TAIL = 0.05;
/** Share of its time that a measured kernel spends in a kind of work which it then covers. */
const COVERS = 0.05;

/** Logarithm of measured over predicted beyond which a collective's model is contradicted: twice or half. */
const CONTRADICTS = Math.log(2);

/** Generation and family of a row. */
export const groupOf = ({ row }: CheckedRow): string =>
  `${generationOf(row)} ${row.family ?? row.kernel}`;

/** Value that a share `q` of the weight lies at or below. */
function weightedQuantile(
  sample: readonly { readonly value: number; readonly weight: number }[],
  q: number,
): number {
  const sorted = sample.toSorted((a, b) => a.value - b.value);
  const all = sorted.reduce((sum, s) => sum + s.weight, 0);
  let sum = 0;
  for (const { value, weight } of sorted) {
    sum += weight;
    if (sum >= q * all - 1e-12) return value;
  }
  return 0;
}

/**
 * What is left of a row's residual once the choices of the duty limiter are allowed for: 0 where the measurement lies between its
 * shortest and its longest total.
 */
function unexplained(c: CheckedRow): number {
  const { evidence: e, besideNs } = c;
  const total = e.meanNs + besideNs;
  const residual = timeResidual(kindOf(c.row.metric)!, c.row.value, c.predicted);
  const [least, most] = [e.leastNs, e.mostNs].map((ns) => Math.log((ns + besideNs) / total)) as [
    number,
    number,
  ];
  return residual < least ? residual - least : residual > most ? residual - most : 0;
}

/** Residuals that a twentieth of the families' measurements are below, and above. Families count alike, however many rows they have. */
export function fitResiduals(checked: readonly CheckedRow[]): Residuals {
  const rows = measuredTimes(checked).filter(isTrusted);
  return {
    ...tails(rows, groupOf),
    collectives: tails(agreeing(checked), sourceOf),
    generations: [...new Set(rows.map((c) => generationOf(c.row)))].sort(),
  };
}

const isTrusted = ({ row }: CheckedRow): boolean => row.trust === "A" || row.trust === "B";

/** Collectives whose model a measurement confirms; what it contradicts is outside the envelope and no matter of a range. */
const agreeing = (checked: readonly CheckedRow[]): CheckedRow[] =>
  measuredCollectives(checked).filter(
    (c) => isTrusted(c) && Math.abs(Math.log(c.row.value / c.predicted)) < CONTRADICTS,
  );

/** Where a collective was measured: rows of one table count together. */
const sourceOf = ({ row }: CheckedRow): string =>
  [row.generation, row.kernel, row.source_group, row.topology].join(" ");

/** Residuals that a twentieth of the groups' measurements are below, and above, groups counting alike. */
function tails(
  rows: readonly CheckedRow[],
  group: (c: CheckedRow) => string,
): { readonly low: number; readonly high: number } {
  const sizes = new Map<string, number>();
  for (const c of rows) sizes.set(group(c), (sizes.get(group(c)) ?? 0) + 1);
  const sample = rows.map((c) => ({ value: unexplained(c), weight: 1 / sizes.get(group(c))! }));
  // Three digits, outwards, so that the row a percentile stands on is within it.
  return {
    low: Math.floor(1e3 * Math.min(0, weightedQuantile(sample, TAIL))) / 1e3,
    high: Math.ceil(1e3 * Math.max(0, weightedQuantile(sample, 1 - TAIL))) / 1e3,
  };
}

/** Kinds of work that measured kernels cover, by chip. */
export function fitMeasured(checked: readonly CheckedRow[]): Measured {
  const chips = new Map<string, { shortestUs: number; regimes: Set<string> }>();
  for (const c of [...measuredTimes(checked), ...agreeing(checked)]) {
    const { evidence: e, row } = c;
    const chip = generationOf(row);
    const known = chips.get(chip) ?? { shortestUs: Number.POSITIVE_INFINITY, regimes: new Set() };
    if (!(row.metric in collectiveMetrics))
      known.shortestUs = Math.min(known.shortestUs, e.meanNs / 1e3);
    for (const [key, { share }] of e.regimes) if (share >= COVERS) known.regimes.add(key);
    chips.set(chip, known);
  }
  return Object.fromEntries(
    [...chips]
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([chip, { shortestUs, regimes }]) => [
        chip,
        { shortestUs: Math.round(10 * shortestUs) / 10, regimes: [...regimes].sort() },
      ]),
  );
}

export const fitTables = (checked: readonly CheckedRow[]): Tables => ({
  residuals: fitResiduals(checked),
  measured: fitMeasured(checked),
});

export interface GroupCoverage {
  readonly group: string;
  readonly rows: number;
  /** Rows inside the range that all rows give. */
  readonly within: number;
  /** Rows inside the range that the other groups give. */
  readonly withinUnseen: number;
  /** Of the ranges, high over low less one. */
  readonly medianWidth: number;
}

const isWithin = ({ row, range: [low, high] }: CheckedRow): boolean =>
  row.value >= low && row.value <= high;

/** How many measurements lie in their ranges, by generation and family, and how many would, had the family not been measured. */
export function coverageByGroup(checked: readonly CheckedRow[]): GroupCoverage[] {
  const times = measuredTimes(checked);
  const tables = fitTables(checked);
  return [...new Set(times.map(groupOf))].sort().map((group) => {
    const mine = times.filter((c) => groupOf(c) === group);
    const others = fitResiduals(checked.filter((c) => groupOf(c) !== group));
    const unseen = mine.map((c) => judged(c, { ...tables, residuals: others }));
    return {
      group,
      rows: mine.length,
      within: mine.filter((c) => isWithin(judged(c, tables))).length,
      withinUnseen: unseen.filter(isWithin).length,
      medianWidth: median(mine.map((c) => c.range[1] / c.range[0] - 1)),
    };
  });
}
