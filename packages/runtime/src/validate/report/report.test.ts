import { describe, expect, it } from "vitest";
import { evidence } from "../../uncertainty/evidence.testing.ts";
import type { CheckedRow } from "../validation.ts";
import { html, markdown } from "./blocks.ts";
import { coverage, families, reasons, worst } from "./families.ts";
import { accuracyFiles } from "./files.ts";
import { validationJson } from "./json.ts";
import { histogram, scatter } from "./plot.ts";

const row = (id: string, value: number, predicted: number, over: object = {}): CheckedRow => ({
  row: {
    id,
    kernel: `kernel ${id}`,
    family: "some",
    generation: "trn2",
    shapes: { M: 1 },
    dtype: "fp32",
    metric: "latency",
    value,
    trust: "A",
    ...over,
  },
  predicted,
  errorPct: 100 * (predicted / value - 1),
  range: [predicted * 0.9, predicted * 1.1],
  inEnvelope: true,
  outside: [],
  kernel: "a.ts:b",
  cores: 1,
  evidence: evidence(),
  besideNs: 0,
});
const checked = [
  row("a", 100, 95),
  row("b", 10, 20),
  row("c", 50, 50),
  row("d", 7, 7, { kind: "threshold" }),
];
const unchecked = [
  { row: row("e", 1, 1, { source_group: "s" }).row, why: "for a reason | with a bar" },
];
const accuracy = {
  validation: {
    checked,
    unchecked,
    summary: [{ generation: "trn2", metric: "latency", n: 3, medianAbsPct: 5, p90AbsPct: 81 }],
  },
  tables: {
    residuals: {
      low: -0.1,
      high: 0.2,
      collectives: { low: -0.3, high: 0.3 },
      generations: ["trn2"],
    },
    measured: { trn2: { shortestUs: 20, regimes: ["nc_matmul 16 bit"] } },
  },
  replayed: [],
  notes: {
    explanations: [{ match: "kernel b", why: "twice too slow" }],
    leftOut: [{ what: "others", rows: 3, why: "not kept" }],
  },
  sensitivity: [],
};

describe("groups", () => {
  it("are by chip, family and metric, bounds left out", () => {
    const [group] = families(checked, () => true);
    expect(group).toMatchObject({ generation: "trn2", family: "some" });
    expect(group!.medianAbsPct).toBeCloseTo(5);
    expect(group!.rows).toHaveLength(3);
    expect(coverage([checked[1]!])).toBe(0);
  });

  it("list the worst configurations once and reasons by how often", () => {
    const again = [...checked, { ...checked[1]!, row: { ...checked[1]!.row, id: "b2" } }];
    expect(worst(again, 2).map((c) => c.row.id)).toEqual(["b", "a"]);
    expect(reasons([...unchecked, ...unchecked])).toEqual([
      { why: "for a reason | with a bar", n: 2, sources: ["s"] },
    ]);
  });
});

describe("files", () => {
  const files = accuracyFiles(accuracy);

  it("are the same bytes for the same rows", () => {
    expect(Object.keys(files)).toEqual([
      "docs/accuracy.md",
      "docs/accuracy.html",
      "docs/images/accuracy-latency.svg",
      "docs/images/accuracy-errors.svg",
      "packages/runtime/src/uncertainty/fitted.generated.ts",
    ]);
    expect(accuracyFiles(accuracy)).toEqual(files);
  });

  it("hold figures, explanations and reasons", () => {
    expect(files["docs/accuracy.md"]).toContain("| trn2 | 3 | 1 | 5.0 % |");
    expect(files["docs/accuracy.md"]).toContain("twice too slow");
    expect(files["docs/accuracy.md"]).toContain("for a reason \\| with a bar");
    expect(files["docs/accuracy.html"]).toContain("<svg");
    expect(files["docs/accuracy.html"]).toContain("+100.0 %");
  });

  it("say how often ranges hold, and what they cover", () => {
    expect(files["docs/accuracy.md"]).toMatch(/from −9\.5 % to \+22\.1 % of the predicted time/);
    expect(files["docs/accuracy.md"]).toMatch(/\| trn2 \| some \| 3 \| \d+ % \| \d+ % \|/);
    expect(files["docs/accuracy.md"]).toContain("| trn2 | 20 µs | nc_matmul 16 bit |");
  });

  it("never show a figure that is none", () => {
    for (const text of Object.values(files)) expect(text).not.toMatch(/NaN|undefined|Infinity/);
  });
});

it("JSON has the fields that its readers were promised", () => {
  const { rows, summary } = validationJson(accuracy.validation);
  expect(rows[0]).toMatchObject({
    id: "a",
    kernel: "kernel a",
    generation: "trn2",
    metric: "latency",
    measured: 100,
    predicted: 95,
    in_envelope: true,
  });
  expect(rows[0]!["error_pct"]).toBeCloseTo(-5);
  expect(summary[0]).toMatchObject({ n: 3, median_abs_pct: 5, p90_abs_pct: 81 });
});

describe("pages and plots", () => {
  it("escape what they are given", () => {
    const blocks = [
      { kind: "heading", level: 1, text: "A & B" } as const,
      { kind: "text", text: "`x < y` and [a link](b.md)" } as const,
    ];
    expect(markdown(blocks, "made", "img")).toBe(
      "# A & B\n\n<!-- made -->\n\n`x < y` and [a link](b.md)\n",
    );
    const page = html(blocks, {});
    expect(page).toContain("<h1>A &amp; B</h1>");
    expect(page).toContain('<code>x &lt; y</code> and <a href="b.md">a link</a>');
  });

  it("draw points on the diagonal where both agree", () => {
    const points = [{ x: 10, y: 10, label: "same" }];
    const svg = scatter("t", ["x", "y"], [{ name: "s", colour: "#000", points }]);
    expect(svg).toMatch(/<circle cx="64.0" cy="376.0"[^>]*><title>same<\/title>/);
  });

  it("count values beyond the ends into the outer bars", () => {
    const svg = histogram("t", "x", [-99, -1, 0, 99], { from: -10, to: 10, step: 10 });
    expect(svg).toContain("-10 to 0: 2");
    expect(svg).toContain("0 to 10: 2");
  });
});
