/** The report of a run in a terminal: 80 columns, the same facts as the JSON, in the order one asks for them. */
import { basename } from "node:path";
import { dtypeInfo } from "@opentrn/numerics";
import {
  type OutputReport,
  printedText,
  type RankReport,
  type RunReport,
  reportedEngines,
  type TimeReport,
} from "@opentrn/runtime";
import type { Colours } from "../io.ts";
import { bar } from "./bars.ts";
import { historyRows, watchRows } from "./debug-rows.ts";
import { wrap } from "./table.ts";
import { count, hostTime, percent, size, time, tiny } from "./units.ts";

const WIDTH = 80;
const LABEL = 9;
const BAR = 34;
const MAX_PATH = 4;
const MAX_STALLS = 4;

/** A line under a dim label; a label of "" continues the one above. */
const line = (c: Colours, label: string, text: string): string =>
  ` ${c.dim(label.padEnd(LABEL))}${text}`;

/** What the terminal shows beyond the report itself. */
export interface Extra {
  /** Files written, with what they are. */
  readonly files: readonly (readonly [what: string, path: string])[];
}

export function renderReport(r: RunReport, c: Colours, extra: Extra): string {
  const parts = [
    [title(r, c)],
    r.ranks ? [] : prints(r.prints, c),
    r.watch ? watchRows(r.watch, row(c), c) : [],
    r.ranks ? rankLines(r.ranks, c) : r.outputs.flatMap((o) => outputLines(o, c)),
    r.time ? timeLines(r.time, c) : [],
    [...(r.time ? [traffic(r, r.time, c)] : []), memory(r, c)],
    r.time ? lines(r.time, c) : [],
    warnings(r, c),
    [host(r, c), ...extra.files.map(([what, path]) => line(c, what, path))],
  ];
  return `\n${parts
    .filter((p) => p.length > 0)
    .map((p) => p.join("\n"))
    .join("\n\n")}\n\n`;
}

function title(r: RunReport, c: Colours): string {
  const cores = r.cores === 1 ? "1 core" : `${r.cores} cores`;
  const file = r.time && ownFile(r.time);
  const facts = [...(file ? [basename(file)] : []), r.target, cores];
  return ` ${c.bold(r.kernel)}  ${c.dim(`${facts.join(", ")}, ${count(r.instructions)} instructions`)}`;
}

const error = (x: number | "inf" | undefined): string =>
  x === "inf" || x === undefined ? "inf" : tiny(x);

function outputLines(o: OutputReport, c: Colours): string[] {
  const short = `${dtypeInfo[o.dtype].short}[${o.shape.join("x")}]`;
  const digest = c.dim(`sha256 ${o.sha256.slice(0, 12)}`);
  const first = line(c, "output", `${c.bold(o.name)} ${short}  ${digest}`);
  if (!o.check) return [first];
  const { passed, rtol, atol, wrong, elements, first_wrong: at } = o.check;
  const mark = passed ? c.green("✓") : c.red("✗");
  const errors = `max error ${error(o.max_abs_error)} abs, ${error(o.max_rel_error)} rel`;
  const bound = c.dim(`(rtol ${tiny(rtol)}, atol ${tiny(atol)})`);
  const lines = [first, line(c, "", `${mark} ${errors} ${bound}`)];
  if (at)
    lines.push(
      line(c, "", `  ${c.red(`${count(wrong)} of ${count(elements)} elements are wrong`)}, first`),
      line(c, "", `  [${at.index.join(", ")}] got ${at.got}, expected ${at.expected}`),
    );
  if (at?.written_by) lines.push(...historyRows(at.written_by, row(c), c));
  return lines;
}

/** What each rank printed and returned. */
const rankLines = (ranks: readonly RankReport[], c: Colours): string[] =>
  ranks.flatMap((r, n) => [
    line(c, `rank ${n}`, "").trimEnd(),
    ...prints(r.prints, c),
    ...r.outputs.flatMap((o) => outputLines(o, c)),
  ]);

const row =
  (c: Colours) =>
  (label: string, text: string): string =>
    line(c, label, text);

function timeLines(t: TimeReport, c: Colours): string[] {
  const rows = [
    line(
      c,
      "time",
      `${c.bold(time(t.total_ns))} predicted${c.dim(`, ${time(t.range_ns[0])} to ${time(t.range_ns[1])} on the chip`)}`,
    ),
    line(c, "", wrap(t.bottleneck, WIDTH - 2, " ".repeat(LABEL + 1))),
    ...t.outside.map((why) =>
      line(c, "", c.dim(wrap(`not validated: ${why}`, WIDTH - 2, " ".repeat(LABEL + 1)))),
    ),
    "",
  ];
  const shares = [
    ...reportedEngines.map((e) => ({ name: e as string, ...t.engines[e] })),
    { name: "dma", active_ns: t.dma.active_ns, instructions: t.dma.transfers },
  ];
  const most = Math.max(...shares.map((s) => s.active_ns));
  for (const s of shares) {
    if (s.instructions === 0) {
      rows.push(line(c, s.name, c.dim("·")));
      continue;
    }
    const share = t.total_ns > 0 ? s.active_ns / t.total_ns : 0;
    const paint = s.active_ns === most ? c.cyan : c.blue;
    const unit = s.name === "dma" ? "transfers" : "instr.";
    rows.push(
      line(
        c,
        s.name,
        `${paint(bar(share, BAR))} ${percent(share).padStart(5)} ${time(s.active_ns).padStart(9)} ${c.dim(`${count(s.instructions)} ${unit}`)}`,
      ),
    );
  }
  return rows.map((l) => l.trimEnd());
}

function traffic(r: RunReport, t: TimeReport, c: Colours): string {
  const use = [
    !r.mfu ? "" : `MFU ${c.bold(percent(r.mfu))}`,
    r.mbu === null ? "" : `MBU ${c.bold(percent(r.mbu))}`,
  ].filter(Boolean);
  const moved = `read ${size(t.hbm.read_bytes)}, wrote ${size(t.hbm.write_bytes)}`;
  return line(c, "HBM", `${moved}    ${use.join("  ")}`);
}

function memory(r: RunReport, c: Colours): string {
  const of = (used: number, all: number): string =>
    `${size(used)} of ${size(all)} (${percent(used / all)})`;
  const m = r.memory;
  return line(
    c,
    "memory",
    `SBUF ${of(m.sbuf_peak_bytes, m.sbuf_bytes)}   PSUM ${of(m.psum_peak_bytes, m.psum_bytes)}`,
  );
}

/** `:82` in the kernel's own file, `other.py:82` elsewhere. */
const place = (file: string | null, at: number | null, own: string | undefined): string =>
  at === null ? "" : `${file === null || file === own ? "" : basename(file)}:${at}`;

/** The file most lines of the report are in. */
const ownFile = (t: TimeReport): string | undefined => t.critical_path[0]?.file ?? undefined;

/** Where the critical path goes, and what engines wait for, by source line. */
function lines(t: TimeReport, c: Colours): string[] {
  const own = ownFile(t);
  const rows = (label: string, texts: string[]): string[] =>
    texts.map((text, i) => line(c, i === 0 ? label : "", text).trimEnd());
  const path = t.critical_path.slice(0, MAX_PATH).map((p) => {
    const share = t.total_ns > 0 ? p.ns / t.total_ns : 0;
    return `${time(p.ns).padStart(8)} ${percent(share).padStart(4)}  ${place(p.file, p.line, own).padEnd(6)} ${p.instruction}`;
  });
  const waits = t.stalls.slice(0, MAX_STALLS).map((s) => {
    const producer = s.waited_for_line === null ? "" : ` (:${s.waited_for_line})`;
    return `${time(s.ns).padStart(8)}       ${place(s.file, s.line, own).padEnd(6)} ${s.engine} for ${s.waited_for}${c.dim(producer)}`;
  });
  return [...rows("path", path), ...rows("waits", waits)];
}

function warnings(r: RunReport, c: Colours): string[] {
  return r.warnings.map((w) => {
    const where = w.file === null ? "" : ` (${basename(w.file)}:${w.line})`;
    const text = wrap(`${w.rule}: ${w.message}${where}`, WIDTH - 1, " ".repeat(LABEL + 1));
    return ` ${c.yellow("warning".padEnd(LABEL))}${text}`;
  });
}

/** What the kernel printed on the device, with its rows under the name. */
const prints = (printed: RunReport["prints"], c: Colours): string[] =>
  printed.flatMap((p) =>
    printedText(p)
      .split("\n")
      .map((text, n) => line(c, n === 0 ? "print" : "", text)),
  );

function host(r: RunReport, c: Colours): string {
  const { trace_ms, execute_ms, timeline_ms } = r.host;
  const steps = [
    `trace ${hostTime(trace_ms)} (${r.traced_by})`,
    r.fast === undefined ? "" : `execute ${hostTime(execute_ms)}`,
    r.time ? `timeline ${hostTime(timeline_ms)}` : "",
  ].filter(Boolean);
  const slow = `${percent(1 - (r.fast ?? 1))} of the instructions ran on the slow reference path`;
  return [
    line(c, "host", c.dim(steps.join(", "))),
    ...(r.fast === undefined || r.fast === 1 ? [] : [line(c, "", c.dim(slow))]),
  ].join("\n");
}
