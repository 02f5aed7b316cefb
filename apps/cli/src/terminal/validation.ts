/** Prints checked rows: errors by generation, metric and kernel family, bounds, the worst rows, and what could not be checked. */
import {
  type CheckedRow,
  coverage,
  families,
  reasons,
  type Validation,
  worst,
} from "@opentrn/runtime";
import type { Colours } from "../io.ts";
import { table } from "./table.ts";

/** More rows than this are summed up only. */
const FEW = 40;

const pct = (x: number): string => `${x.toFixed(1)}%`;
const figure = (x: number): string => (x >= 1000 ? x.toFixed(0) : x.toPrecision(3));
const sizes = (shapes: CheckedRow["row"]["shapes"]): string =>
  typeof shapes === "string"
    ? shapes
    : Object.entries(shapes)
        .map(([k, v]) => `${k}${Array.isArray(v) ? v.join("x") : String(v)}`)
        .join("_");

const each = (rows: readonly CheckedRow[], colours: Colours): string =>
  table(
    [
      { title: "row" },
      { title: "on" },
      { title: "kernel", max: 44 },
      { title: "sizes", max: 30 },
      { title: "dtype" },
      { title: "metric" },
      { title: "measured", right: true },
      { title: "predicted", right: true },
      { title: "error", right: true },
    ],
    rows.map((c) => [
      c.row.id,
      c.row.generation,
      [c.row.kernel, c.row.variant].filter(Boolean).join(" "),
      sizes(c.row.shapes),
      c.row.dtype,
      c.row.metric,
      `${c.row.kind === "threshold" ? "≤ " : ""}${figure(c.row.value)}`,
      figure(c.predicted),
      `${pct(c.errorPct)}${c.inEnvelope ? "" : " *"}`,
    ]),
    colours,
  );

export function validationReport(v: Validation, all: boolean, colours: Colours): string {
  const parts: string[] = [];
  const add = (title: string, text: string): void => {
    parts.push(`${colours.bold(title)}\n${text ? `${text.trimEnd()}\n` : ""}`);
  };
  if (v.checked.length > 0 && (all || v.checked.length <= FEW))
    add("Rows", each(v.checked, colours));
  if (v.summary.length > 0) add("By generation and metric", summary(v, colours));
  const groups = families(v.checked, (m) => !m.endsWith("_pct") && !m.startsWith("hbm_"));
  if (groups.length > 1)
    add(
      "By kernel family",
      table(
        [
          { title: "on" },
          { title: "family" },
          { title: "metric" },
          { title: "rows", right: true },
          { title: "median error", right: true },
          { title: "p90", right: true },
          { title: "signed", right: true },
        ],
        groups.map((g) => [
          g.generation,
          g.family,
          g.metric,
          String(g.rows.length),
          pct(g.medianAbsPct),
          pct(g.p90AbsPct),
          pct(g.medianPct),
        ]),
        colours,
      ),
    );
  const bounds = v.checked.filter((c) => c.row.kind === "threshold");
  if (bounds.length > 0) {
    const broken = bounds.filter((c) => c.errorPct !== 0);
    add(
      `Bounds: ${bounds.length - broken.length} of ${bounds.length} kept`,
      broken.length > 0 ? each(broken, colours) : "",
    );
  }
  const times = v.checked.filter(
    (c) => c.row.kind !== "threshold" && /^(latency|tflops|bandwidth)$/.test(c.row.metric),
  );
  if (times.length > FEW) add("Worst", each(worst(times, 5), colours));
  if (v.checked.some((c) => !c.inEnvelope))
    parts.push("* outside what measurements cover: --json says why\n");
  if (times.length > 0)
    parts.push(`${pct(100 * coverage(times))} of the measured times lie in the predicted range\n`);
  if (v.unchecked.length > 0)
    add(
      `Not checked: ${v.unchecked.length} rows`,
      table(
        [{ title: "rows", right: true }, { title: "source" }, { title: "why" }],
        reasons(v.unchecked).map((r) => [String(r.n), r.sources.join(", "), r.why]),
        colours,
      ),
    );
  return `${parts.join("\n")}`;
}

function summary({ summary: rows }: Validation, colours: Colours): string {
  return table(
    [
      { title: "on" },
      { title: "metric" },
      { title: "rows", right: true },
      { title: "median error", right: true },
      { title: "p90", right: true },
      { title: "median points", right: true },
    ],
    rows.map((s) => [
      s.generation,
      s.metric,
      String(s.n),
      pct(s.medianAbsPct),
      pct(s.p90AbsPct),
      s.medianAbsPoints === undefined ? "" : s.medianAbsPoints.toFixed(1),
    ]),
    colours,
  );
}
