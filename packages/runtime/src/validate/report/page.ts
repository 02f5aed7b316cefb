/** The accuracy page. Its figures come from the checked rows; its sentences are here. */

import { timesThings } from "../metric.ts";
import { generationOf, type PublishedRow } from "../row.ts";
import { assumedCosts } from "../sensitivity.ts";
import { median, quantile } from "../statistics.ts";
import { type CheckedRow, measuredTimes } from "../validation.ts";
import { type Accuracy, isMeasured, type Notes } from "./accuracy.ts";
import { type Block, heading, paragraph, table } from "./blocks.ts";
import { collectiveBlocks } from "./collectives.ts";
import { families, reasons, worst } from "./families.ts";
import { rangeBlocks } from "./ranges.ts";

const pct = (x: number): string => `${x.toFixed(1)} %`;
const signed = (x: number): string => `${x < 0 ? "−" : "+"}${Math.abs(x).toFixed(1)} %`;
const figure = (x: number): string => (x >= 1000 ? x.toFixed(0) : x.toPrecision(3));

export function accuracyPage(a: Accuracy): Block[] {
  return [
    heading(1, "Accuracy"),
    paragraph(
      "Predicted times against what was measured on real chips. `trn validate` prints these figures, `trn validate --write` writes this page, its plots and [one HTML file](accuracy.html) with all of it; nothing here is typed in. `trn validate --rows FILE` judges other measurements, `trn validate --profile FILE` a neuron-profile dump. [How time is modelled](time.md).",
    ),
    ...summaryBlocks(a),
    ...replayBlocks(a),
    ...familyBlocks(a),
    ...shareBlocks(a),
    ...collectiveBlocks(a),
    ...worstBlocks(a),
    ...rangeBlocks(a),
    ...sensitivityBlocks(a),
    ...uncheckedBlocks(a),
  ];
}

function summaryBlocks({ validation: { checked } }: Accuracy): Block[] {
  const good = measuredTimes(checked).filter((c) => c.row.trust === "A" || c.row.trust === "B");
  const generations = [...new Set(good.map((c) => generationOf(c.row)))].sort().reverse();
  return [
    heading(2, "Whole kernels"),
    paragraph(
      "Measured rows of trust A or B (a vendor's or a careful study's). The error is that of the published figure: a latency, a rate of operations or a bandwidth. Rates of several minutes hold no launch; latencies of `nki.benchmark` hold one, which `validation/bindings.json` adds.",
    ),
    table(
      ["chip", "rows", "kernels", "median error", "90th percentile", "median, signed"],
      generations.map((g) => {
        const rows = good.filter((c) => generationOf(c.row) === g);
        const errors = rows.map((c) => c.errorPct);
        return [
          g,
          String(rows.length),
          String(new Set(rows.map((c) => c.kernel)).size),
          pct(median(errors.map(Math.abs))),
          pct(quantile(errors.map(Math.abs), 0.9)),
          signed(median(errors)),
        ];
      }),
      1,
    ),
    {
      kind: "plot",
      name: "accuracy-latency",
      alt: "Predicted against measured latency; dashed lines are 30 % off",
    },
    { kind: "plot", name: "accuracy-errors", alt: "Errors of predicted latencies, per cent" },
    paragraph(
      "Errors of whole kernels measured on one instance, with one compiler: rows of one source share its habits, and many rows of one kernel count as often as they were published. The table by family below shows what that hides.",
    ),
  ];
}

function replayBlocks({ replayed }: Accuracy): Block[] {
  const blocks: Block[] = [
    heading(2, "Replayed profiles"),
    paragraph(
      "neuron-profile dumps of trn2: the executed stream with its semaphore waits is played on the timeline, and each instruction's start and duration compared with the record. From the dump come the order of each engine's instructions, what they wait for, when each engine began, and the phase of the duty windows; everything else is predicted. The dumps are not part of the repository; these are the figures of the last replay, which a test repeats where they are.",
    ),
  ];
  const get = (o: Readonly<Record<string, number>>, key: string): number => o[key]!;
  blocks.push(
    table(
      [
        "profile",
        "instructions",
        "duration, median error",
        "90th percentile",
        "the kernel's own, median",
        "90th percentile",
        "total",
        "recorded",
        "error",
        "worst start, kernel's",
      ],
      replayed.map((r) => [
        r.profile,
        String(get(r.duration, "n")),
        pct(get(r.duration, "median_abs_pct")),
        pct(get(r.duration, "p90_abs_pct")),
        pct(get(r.duration, "kernel_median_abs_pct")),
        pct(get(r.duration, "kernel_p90_abs_pct")),
        `${(get(r.total, "predicted_ns") / 1e3).toFixed(2)} µs`,
        `${(get(r.total, "measured_ns") / 1e3).toFixed(2)} µs`,
        signed(get(r.total, "error_pct")),
        `${Math.round(get(r.drift, "worst_ns"))} ns`,
      ]),
      1,
    ),
    table(
      [
        "profile",
        "transfers",
        "first byte, median",
        "last byte, median",
        "last byte, worst",
        "span, median",
      ],
      replayed.map((r) => [
        r.profile,
        String(get(r.transfers, "n")),
        `${Math.round(get(r.transfers, "median_abs_start_ns"))} ns`,
        `${Math.round(get(r.transfers, "median_abs_end_ns"))} ns`,
        `${Math.round(get(r.transfers, "worst_end_ns"))} ns`,
        pct(get(r.transfers, "median_abs_span_pct")),
      ]),
      1,
    ),
  );
  const kinds = new Map<string, (string | number)[][]>();
  for (const r of replayed)
    for (const k of r.kinds) {
      const key = `${k["engine"]} ${k["opcode"]}`;
      const list = kinds.get(key) ?? [];
      list.push([k["n"]!, k["median_abs_pct"]!, k["p90_abs_pct"]!]);
      kinds.set(key, list);
    }
  const compute =
    /MATMUL|LDWEIGHTS|ACTIVATE|COPY|RECIPROCAL|TENSOR_(REDUCE|SCALAR|TENSOR)|SELECT|IOTA|MEMSET|POOL|DMA_/;
  blocks.push(
    paragraph("Instructions that compute or move data, over all profiles (weighted by count):"),
    table(
      ["engine", "instruction", "n", "median error", "90th percentile"],
      [...kinds]
        .filter(([key]) => compute.test(key))
        .sort(([x], [y]) => x.localeCompare(y))
        .map(([key, list]) => {
          const n = list.reduce((sum, k) => sum + Number(k[0]), 0);
          const mean = (i: number): number =>
            list.reduce((sum, k) => sum + Number(k[0]) * Number(k[i]), 0) / n;
          const [engine, opcode] = key.split(" ") as [string, string];
          return [engine, `\`${opcode}\``, String(n), pct(mean(1)), pct(mean(2))];
        }),
      2,
    ),
  );
  return blocks;
}

function familyBlocks({ validation: { checked } }: Accuracy): Block[] {
  const groups = families(checked, timesThings);
  return [
    heading(2, "By kernel family"),
    table(
      ["chip", "family", "metric", "rows", "median error", "90th percentile", "median, signed"],
      groups.map((g) => [
        g.generation,
        g.family,
        g.metric,
        String(g.rows.length),
        pct(g.medianAbsPct),
        pct(g.p90AbsPct),
        signed(g.medianPct),
      ]),
      3,
    ),
    ...boundBlocks(checked),
  ];
}

function boundBlocks(checked: readonly CheckedRow[]): Block[] {
  const bounds = checked.filter((c) => !isMeasured(c));
  if (bounds.length === 0) return [];
  const broken = bounds.filter((c) => c.errorPct !== 0);
  const text = `Bounds that tests or courses assert are checked on one side: ${bounds.length - broken.length} of ${bounds.length} are kept.`;
  return [
    paragraph(
      broken.length === 0 ? text : `${text} Not kept: ${broken.map((c) => c.row.id).join(", ")}.`,
    ),
  ];
}

function shareBlocks({ validation: { checked, summary } }: Accuracy): Block[] {
  const shares = summary.filter((s) => s.medianAbsPoints !== undefined);
  const bytes = summary.filter((s) => s.metric.startsWith("hbm_"));
  return [
    heading(2, "Engine activity and HBM traffic"),
    paragraph(
      "Shares of the kernel's time in points of a hundred; bytes in per cent. A kernel that spills on the real chip moves more than ours.",
    ),
    table(
      ["chip", "metric", "rows", "median difference", "90th percentile"],
      [
        ...shares.map((s) => {
          const points = checked
            .filter((c) => generationOf(c.row) === s.generation && c.row.metric === s.metric)
            .map((c) => Math.abs(c.errorPoints ?? 0));
          return [
            s.generation,
            `\`${s.metric}\``,
            String(s.n),
            `${median(points).toFixed(1)} points`,
            `${quantile(points, 0.9).toFixed(1)} points`,
          ];
        }),
        ...bytes.map((s) => [
          s.generation,
          `\`${s.metric}\``,
          String(s.n),
          pct(s.medianAbsPct),
          pct(s.p90AbsPct),
        ]),
      ],
      2,
    ),
  ];
}

function explanation({ row }: CheckedRow, { explanations }: Notes): string {
  const text = [row.generation, row.dtype, row.kernel, row.variant ?? ""].join(" ");
  return explanations.find((e) => new RegExp(e.match).test(text))?.why ?? "no explanation found";
}

const sizes = (row: PublishedRow): string =>
  typeof row.shapes === "string"
    ? row.shapes
    : Object.entries(row.shapes)
        .map(([k, v]) => `${k} ${Array.isArray(v) ? v.join("×") : String(v)}`)
        .join(", ");

function worstBlocks({ validation: { checked }, notes }: Accuracy): Block[] {
  return [
    heading(2, "Worst rows"),
    paragraph(
      "The ten largest errors of measured times, one for each configuration, with the best explanation found.",
    ),
    table(
      ["row", "chip", "kernel", "sizes", "dtype", "measured", "predicted", "error", "why"],
      worst(measuredTimes(checked), 10).map((c) => [
        c.row.id,
        generationOf(c.row),
        [c.row.kernel, c.row.variant].filter(Boolean).join(" "),
        sizes(c.row),
        c.row.dtype,
        `${figure(c.row.value)} ${c.row.unit ?? ""}`.trim(),
        figure(c.predicted),
        signed(c.errorPct),
        explanation(c, notes),
      ]),
      5,
      8,
    ),
  ];
}

/** Changes smaller than this, per cent, are not listed. */
const VISIBLE = 0.05;

/** Instructions whose cost nobody knows, and how much of what was compared rests on them. */
function guessedCosts({ validation: { checked } }: Accuracy): Block {
  const resting = checked.filter(({ evidence }) =>
    [...evidence.regimes.values()].some(
      ({ share, basis }) => share > 0 && (basis === "assumed" || basis === "unknown"),
    ),
  ).length;
  const names = assumedCosts().map((n) => `\`${n}\``);
  return paragraph(
    `The cost of ${names.length} instructions rests on no document and no measurement either: ${names.join(", ")}. ${resting === 0 ? "No row here spends" : `${resting} rows here spend`} time in one that is assumed or unknown; in other kernels they widen the range.`,
  );
}

function sensitivityBlocks(accuracy: Accuracy): Block[] {
  const { sensitivity } = accuracy;
  const blocks: Block[] = [
    heading(2, "Assumed figures"),
    paragraph(
      "Figures that rest on no document and no measurement, one at a time at their lowest and highest plausible value (`validation/assumed.json` says why those): change of the predicted figure, per cent. A test pins the list.",
    ),
  ];
  for (const { rows, table: entries } of sensitivity) {
    const chip = entries[0]!.chip;
    const matters = entries.filter((s) =>
      s.changes.some((c) => c.some((x) => Math.abs(x) >= VISIBLE)),
    );
    const still = entries.filter((s) => !matters.includes(s)).map((s) => `\`${s.path}\``);
    const change = (x: number): string =>
      Math.abs(x) < VISIBLE ? "0" : `${x < 0 ? "−" : "+"}${Math.abs(x).toFixed(1)}`;
    blocks.push(
      heading(3, chip),
      paragraph(
        `Kernels: ${rows.map((r, i) => `${i + 1} ${[r.kernel, r.variant, r.dtype].filter(Boolean).join(" ")} (${r.id})`).join("; ")}.`,
      ),
    );
    if (matters.length > 0)
      blocks.push(
        table(
          ["figure", "value", "bounds", ...rows.map((_, i) => String(i + 1))],
          matters.map((s) => [
            `\`${s.path}\``,
            String(s.value),
            `${s.bounds.low} to ${s.bounds.high}`,
            ...s.changes.map(([low, high]) =>
              change(low) === change(high) ? change(low) : `${change(low)} / ${change(high)}`,
            ),
          ]),
          1,
        ),
      );
    if (still.length > 0)
      blocks.push(paragraph(`No kernel of these changes with ${still.join(", ")}.`));
  }
  blocks.splice(2, 0, guessedCosts(accuracy));
  return blocks;
}

function uncheckedBlocks({ validation: { unchecked }, notes }: Accuracy): Block[] {
  return [
    heading(2, "Not checked"),
    table(
      ["rows", "source", "why"],
      [
        ...reasons(unchecked).map((r) => [String(r.n), r.sources.join(", "), r.why]),
        ...notes.leftOut.map((l) => [String(l.rows), l.what, l.why]),
      ],
      0,
      1,
    ),
  ];
}
