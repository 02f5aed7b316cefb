/** Two profiles side by side in a terminal: the total, then what changed most of each kind. */
import { basename } from "node:path";
import type { Difference, ProfileComparison } from "@opentrn/runtime";
import type { Colours } from "../io.ts";
import { type Column, table } from "./table.ts";
import { count, percent, size, time } from "./units.ts";

type Format = (x: number) => string;

const signed = (x: number, format: Format): string =>
  x === 0 ? "·" : `${x > 0 ? "+" : "−"}${format(Math.abs(x))}`;

/** A share that may be more than the whole. */
const growth: Format = (x) => (x < 1 ? percent(x) : `${Math.round(100 * x)}%`);

const relative = ({ a, b }: Difference): string =>
  b === 0 ? (a === 0 ? "" : "new") : a === 0 ? "gone" : signed((a - b) / b, growth);

const columns = (first: readonly Column[]): Column[] => [
  ...first,
  { title: "A", right: true },
  { title: "B", right: true },
  { title: "A − B", right: true },
  { title: "", right: true },
];

const cells = (d: Difference, format: Format): string[] => [
  format(d.a),
  format(d.b),
  signed(d.change, format),
  relative(d),
];

export function renderComparison(x: ProfileComparison, c: Colours, top: number): string {
  const side = (name: "a" | "b"): string => {
    const { kernel, target, cores, origin } = x[name];
    const on = `${target}, ${cores === 1 ? "1 core" : `${cores} cores`}, ${origin}`;
    return ` ${c.bold(name.toUpperCase())} ${kernel}  ${c.dim(on)}`;
  };
  const section = (title: string, first: readonly Column[], rows: readonly string[][]): string =>
    rows.length === 0 ? "" : `\n ${c.bold(title)}\n${indent(table(columns(first), rows, c))}`;
  const changed = <T extends Difference>(rows: readonly T[]): T[] =>
    rows.filter((r) => r.change !== 0).slice(0, top);
  const total = x.recorded_ns ?? x.total_ns;
  const paint = total.change > 0 ? c.red : c.green;
  const verdict =
    total.change === 0
      ? "the same time"
      : `A takes ${paint(`${time(Math.abs(total.change))} ${total.change > 0 ? "more" : "less"} (${signed(total.change_share, growth)})`)}`;
  const parts = [
    side("a"),
    side("b"),
    "",
    ` ${c.bold(time(total.a))} against ${c.bold(time(total.b))}: ${verdict}`,
    section(
      "critical path",
      [{ title: "spent in" }],
      changed(x.critical_path).map((d) => [d.kind, ...cells(d, time)]),
    ),
    section(
      "critical path by line",
      [
        { title: "line", max: 22 },
        { title: "instruction", max: 24 },
      ],
      changed(x.lines).map((d) => [
        d.line === null ? "" : `${basename(d.file ?? "")}:${d.line}`,
        d.instruction,
        ...cells(d, time),
      ]),
    ),
    section(
      "engines, active",
      [{ title: "engine" }],
      x.engines.filter((d) => d.a + d.b > 0).map((d) => [d.engine, ...cells(d, time)]),
    ),
    section(
      "instructions, busy",
      [{ title: "instruction", max: 24 }, { title: "on" }, { title: "n", right: true }],
      changed(x.instruction_kinds).map((d) => [
        d.instruction,
        d.engine,
        d.count.change === 0 ? count(d.count.a) : `${count(d.count.b)} → ${count(d.count.a)}`,
        ...cells(d, time),
      ]),
    ),
    section(
      "traffic",
      [{ title: "" }],
      x.traffic
        .filter((d) => d.a + d.b > 0)
        .map((d) => [d.what, ...cells(d, /bytes/.test(d.what) ? size : count)]),
    ),
  ];
  return `\n${parts.filter((p, i) => p !== "" || i === 2).join("\n")}\n\n`;
}

const indent = (text: string): string =>
  text
    .trimEnd()
    .split("\n")
    .map((l) => ` ${l}`)
    .join("\n");
