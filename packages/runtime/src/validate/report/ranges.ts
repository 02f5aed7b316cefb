/** How far predictions may be off, and how often that holds: the part of the accuracy page on ranges and the envelope. */
import { coverageByGroup } from "../fit.ts";
import { median } from "../statistics.ts";
import { measuredTimes } from "../validation.ts";
import type { Accuracy } from "./accuracy.ts";
import { type Block, heading, paragraph, table } from "./blocks.ts";

const pct = (x: number): string => `${(100 * x).toFixed(1)} %`;
const share = (n: number, of: number): string => `${((100 * n) / of).toFixed(0)} %`;
const change = (log: number): string =>
  `${log < 0 ? "−" : "+"}${Math.abs(100 * (Math.exp(log) - 1)).toFixed(1)} %`;

export function rangeBlocks({ validation: { checked }, tables }: Accuracy): Block[] {
  const groups = coverageByGroup(checked);
  const sum = (f: (g: (typeof groups)[number]) => number): number =>
    groups.reduce((n, g) => n + f(g), 0);
  const [rows, within, unseen] = [
    sum((g) => g.rows),
    sum((g) => g.within),
    sum((g) => g.withinUnseen),
  ];
  const mean = sum((g) => g.withinUnseen / g.rows) / groups.length;
  const times = measuredTimes(checked);
  const width = median(times.map((c) => c.range[1] / c.range[0] - 1));
  const generations = [...new Set(groups.map((g) => g.group.split(" ")[0]!))];
  const { low, high } = tables.residuals;
  return [
    heading(2, "Ranges and the envelope"),
    paragraph(
      `Every prediction carries a range that is meant to hold nine measurements of ten. It begins with what the duty limiter may do: the shortest and the longest of the kernel's times at four phases of the windows, and the times should matmuls over half of the array's rows never run at full rate, or warm the array up where ours just miss the threshold, since how they count was derived and not documented. To that comes what measured whole kernels leave unexplained, from ${change(low)} to ${change(high)} of the predicted time: the 5th and the 95th percentile of measured over predicted over all rows of trust A and B, every family of every chip weighing the same. Time on costs that are assumed counts 1.5 times either way on top, on unknown ones twice, and a chip of which no kernel was measured has twice the spread. Spreads by what a kernel's time goes into (TensorE, element-wise work, transfers, launch) were tried and left out no fewer measurements at the same width.`,
    ),
    paragraph(
      `${share(within, rows)} of ${rows} measured times lie in their ranges, whose median width is ${pct(width)}. With the ranges that all other families give, ${share(unseen, rows)} of the rows do, and ${pct(mean)} averaged over families: so much is to be expected of a kernel unlike the measured ones.`,
    ),
    table(
      ["chip", "family", "rows", "in range", "in range, family left out", "median width"],
      [
        ...groups.map((g) => {
          const [chip, ...family] = g.group.split(" ");
          return [
            chip!,
            family.join(" "),
            String(g.rows),
            share(g.within, g.rows),
            share(g.withinUnseen, g.rows),
            pct(g.medianWidth),
          ];
        }),
        ...generations.map((chip) => {
          const mine = groups.filter((g) => g.group.startsWith(`${chip} `));
          const all = mine.reduce((n, g) => n + g.rows, 0);
          const here = times.filter((c) => c.row.generation.split("/")[0] === chip);
          return [
            chip,
            "all",
            String(all),
            share(
              mine.reduce((n, g) => n + g.within, 0),
              all,
            ),
            share(
              mine.reduce((n, g) => n + g.withinUnseen, 0),
              all,
            ),
            pct(median(here.map((c) => c.range[1] / c.range[0] - 1))),
          ];
        }),
      ],
      2,
    ),
    ...envelopeBlocks({ checked, tables }),
  ];
}

function envelopeBlocks({
  checked,
  tables,
}: Pick<Accuracy["validation"], "checked"> & Pick<Accuracy, "tables">): Block[] {
  const outside = checked.filter((c) => !c.inEnvelope);
  const why = new Map<string, number>();
  for (const c of outside)
    for (const o of c.outside) {
      const kind = o.replace(/^\d+ % of the time is /, "time ");
      why.set(kind, (why.get(kind) ?? 0) + 1);
    }
  const reasons = [...why].toSorted(([, a], [, b]) => b - a);
  const found =
    outside.length === 0
      ? "No row here is."
      : `${outside.length} rows here are, some for several reasons: ${reasons.map(([o, n]) => `${o} (${n})`).join("; ")}.`;
  return [
    paragraph(
      `A kernel is outside the envelope when more than 5 % of the time on its critical path is in a kind of work that no measured kernel of the same chip spends 5 % of its time in, when it takes less than half the time of the shortest measured kernel, or when no kernel of its chip was measured. ${found} Kinds of work that are covered:`,
    ),
    table(
      ["chip", "shortest kernel", "kinds of work"],
      Object.entries(tables.measured).map(([chip, m]) => [
        chip,
        `${m.shortestUs} µs`,
        m.regimes.join("; "),
      ]),
      3,
    ),
  ];
}
