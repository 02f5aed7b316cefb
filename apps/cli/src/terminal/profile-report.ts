/** A profile in a terminal: 80 columns, what limits the kernel first, then each part of the chip, then advice. */
import { basename } from "node:path";
import type { ProfileReport, SiteReport } from "@opentrn/runtime";
import type { Colours } from "../io.ts";
import { bar } from "./bars.ts";
import { table, wrap } from "./table.ts";
import { count, percent, size, time } from "./units.ts";

const WIDTH = 80;
const LABEL = 9;
const BAR = 24;
const INSTRUCTION = 24;

const label = (c: Colours, name: string, text: string): string =>
  ` ${c.dim(name.padEnd(LABEL))}${text}`.trimEnd();

/** Text under a label, broken to the width. */
const wrapped = (c: Colours, name: string, text: string): string => {
  const [first = "", ...rest] = wrap(text, WIDTH - LABEL - 1).split("\n");
  return [label(c, name, first), ...rest.map((l) => label(c, "", l))].join("\n");
};

const indented = (text: string, by: string): string =>
  text
    .split("\n")
    .map((l) => (l ? by + l : l))
    .join("\n");

/** A table under a heading, indented like everything else. */
const section = (c: Colours, title: string, text: string): string =>
  `\n ${c.bold(title)}\n${indented(text.trimEnd(), " ")}`;

export function renderProfile(r: ProfileReport, c: Colours, top: number): string {
  const own = ownFile(r);
  const parts = [
    head(r, c, own),
    pathKinds(r, c),
    section(c, "critical path", pathParts(r, c, top, own)),
    section(c, "engines", engines(r, c)),
    section(c, "instructions", kinds(r, c, top)),
    ...(r.stalls.length > 0 ? [section(c, "waits", stalls(r, c, top, own))] : []),
    section(c, "DMA", dma(r, c)),
    section(c, "HBM", hbm(r, c, top, own)),
    ...(r.transposes.count > 0 ? [section(c, "transposes", transposes(r, own))] : []),
    section(c, "roofline", roofline(r)),
    section(c, "advice", advice(r, c, top)),
  ];
  return `\n${parts.join("\n")}\n\n`;
}

/** The file most of the critical path is in; its lines are shown without its name. */
const ownFile = (r: ProfileReport): string | null =>
  r.critical_path.parts.find((p) => p.file !== null)?.file ?? null;

const at = ({ file, line }: SiteReport, own: string | null): string =>
  line === null ? "" : `${file === own ? "" : basename(file ?? "")}:${line}`;

const what = ({ instruction, tensor }: SiteReport): string =>
  tensor === null ? instruction : `${instruction} ${tensor}`;

function head(r: ProfileReport, c: Colours, own: string | null): string {
  const cores = r.cores === 1 ? "1 core" : `${r.cores} cores`;
  const facts = [...(own ? [basename(own)] : []), r.target, cores].join(", ");
  const range = r.range_ns ? c.dim(`, ${r.range_ns.map(time).join(" to ")} on the chip`) : "";
  const total =
    r.recorded_ns === undefined
      ? `${c.bold(time(r.total_ns))} predicted${range}`
      : `${c.bold(time(r.recorded_ns))} recorded, ${time(r.total_ns)} replayed`;
  return [
    ` ${c.bold(r.kernel)}  ${c.dim(`${facts}, ${count(r.instructions)} instructions`)}`,
    "",
    label(c, "time", total),
    wrapped(c, "", r.bottleneck),
    ...(r.outside ?? []).map((why) => wrapped(c, "", `not validated: ${why}`)),
    "",
  ].join("\n");
}

/** Kinds of less than this share of the path are left out. */
const LEAST = 0.005;

const pathKinds = (r: ProfileReport, c: Colours): string =>
  r.critical_path.kinds
    .filter((k) => k.share >= LEAST)
    .map((k, i) =>
      label(
        c,
        i === 0 ? "path" : "",
        `${k.kind.padEnd(15)}${c.cyan(bar(k.share, BAR))} ${percent(k.share).padStart(5)} ${time(k.ns).padStart(9)}`,
      ),
    )
    .join("\n");

const pathParts = (r: ProfileReport, c: Colours, top: number, own: string | null): string =>
  table(
    [
      { title: "time", right: true },
      { title: "share", right: true },
      { title: "line" },
      { title: "instruction", max: INSTRUCTION },
      { title: "on", max: 17 },
      { title: "spent in" },
    ],
    r.critical_path.parts
      .slice(0, top)
      .map((p) => [time(p.ns), percent(p.share), at(p, own), what(p), p.engine, p.kind]),
    c,
  );

function engines(r: ProfileReport, c: Colours): string {
  const recorded = r.origin === "recorded";
  const rows = r.engines
    .filter((e) => e.instructions > 0)
    .map((e) => [
      e.engine,
      count(e.instructions),
      ...(recorded ? [percent(e.recorded_active_share ?? 0)] : []),
      percent(e.active_share),
      percent(e.busy_share),
      percent(e.fixed_share),
      e.partitions_share > 0 ? percent(e.partitions_share) : "",
      notes(e),
    ]);
  return table(
    [
      { title: "engine" },
      { title: "instr.", right: true },
      ...(recorded ? [{ title: "recorded", right: true }] : []),
      { title: "active", right: true },
      { title: "busy", right: true },
      { title: "fixed", right: true },
      { title: "rows", right: true },
      { title: "", max: 40 },
    ],
    rows,
    c,
  );
}

type Engine = ProfileReport["engines"][number];

function notes(e: Engine): string {
  const out: string[] = [];
  if (e.columns_share !== undefined && e.array_share !== undefined && e.array_share > 0)
    out.push(`cols ${percent(e.columns_share)}, array ${percent(e.array_share)}`);
  if (e.cold_ns !== undefined && e.cold_ns > 0) out.push(`cold ${time(e.cold_ns)}`);
  if (e.table_loads)
    out.push(
      `${e.table_loads} table load${e.table_loads === 1 ? "" : "s"}, ${time(e.table_load_ns ?? 0)}`,
    );
  return out.join(", ");
}

const kinds = (r: ProfileReport, c: Colours, top: number): string =>
  table(
    [
      { title: "instruction", max: 30 },
      { title: "on" },
      { title: "n", right: true },
      { title: "busy", right: true },
      { title: "fixed", right: true },
      { title: "elements", right: true },
      { title: "rows", right: true },
    ],
    r.instruction_kinds
      .slice(0, top)
      .map((k) => [
        k.instruction,
        k.engine,
        count(k.count),
        time(k.busy_ns),
        percent(k.fixed_share),
        count(Math.round(k.elements)),
        count(Math.round(k.partitions)),
      ]),
    c,
  );

const stalls = (r: ProfileReport, c: Colours, top: number, own: string | null): string =>
  table(
    [
      { title: "waited", right: true },
      { title: "times", right: true },
      { title: "line" },
      { title: "waiting", max: INSTRUCTION },
      { title: "for line" },
      { title: "instruction", max: INSTRUCTION },
      { title: "because" },
    ],
    r.stalls
      .slice(0, top)
      .map((s) => [
        time(s.ns),
        count(s.count),
        at(s.waiter, own),
        what(s.waiter),
        at(s.cause, own),
        what(s.cause),
        s.why,
      ]),
    c,
  );

function dma(r: ProfileReport, c: Colours): string {
  const d = r.dma;
  const unit = r.origin === "recorded" ? "packets" : "transfers";
  const moved = `${size(d.bytes)} in ${count(d.transfers)} transfers; ${d.bytes_per_ns.toFixed(0)} of ${d.peak_bytes_per_ns.toFixed(0)} B/ns (${percent(d.efficiency)}) while active, ${percent(d.active_share)} of the time`;
  const sizes = table(
    [
      { title: "descriptors" },
      { title: "", right: true },
      { title: "bytes", right: true },
      { title: "" },
    ],
    d.sizes.map((s) => [
      s.to === null ? `${size(s.from)} and more` : `${size(s.from)} to ${size(s.to)}`,
      count(s.descriptors),
      size(s.bytes),
      c.cyan(bar(d.bytes > 0 ? s.bytes / d.bytes : 0, BAR).trimEnd()),
    ]),
    c,
  );
  const queues = table(
    [
      { title: "queue" },
      { title: unit, right: true },
      { title: "bytes", right: true },
      { title: "active", right: true },
      { title: "B/ns", right: true },
    ],
    d.queues.map((q) => [
      q.queue,
      count(q.transfers),
      size(q.bytes),
      time(q.active_ns),
      q.bytes_per_ns.toFixed(0),
    ]),
    c,
  );
  return d.bytes === 0 ? "no transfers" : `${wrap(moved, WIDTH - 1)}\n${sizes}${queues}`;
}

function hbm(r: ProfileReport, c: Colours, top: number, own: string | null): string {
  const { read_bytes, write_bytes, reloads = [], spills = [] } = r.hbm;
  const lines = [`read ${size(read_bytes)}, wrote ${size(write_bytes)}`];
  if (reloads.length > 0)
    lines.push(
      table(
        [
          { title: "loaded again" },
          { title: "again", right: true },
          { title: "loaded", right: true },
          { title: "distinct", right: true },
          { title: "broadcast", right: true },
          { title: "lines" },
        ],
        reloads
          .slice(0, top)
          .map((x) => [
            x.tensor,
            size(x.again_bytes),
            size(x.loaded_bytes),
            size(x.distinct_bytes),
            x.broadcast_bytes > 0 ? size(x.broadcast_bytes) : "",
            x.lines.map((l) => at(l, own)).join(" "),
          ]),
        c,
      ).trimEnd(),
    );
  for (const s of spills.slice(0, top))
    lines.push(
      `${s.tensor}: ${size(s.stored_bytes)} stored (${s.stores.map((l) => at(l, own)).join(" ")}), ${size(s.reloaded_bytes)} loaded back (${s.reloads.map((l) => at(l, own)).join(" ")})`,
    );
  return lines.join("\n");
}

const transposes = ({ transposes: t }: ProfileReport, own: string | null): string =>
  wrap(
    `${count(t.count)}, ${percent(t.tensor_share)} of TensorE's busy time (${time(t.tensor_ns)}): ${t.lines
      .slice(0, 4)
      .map((l) => `${what(l)} ${at(l, own)}`.trim())
      .join(", ")}`,
    WIDTH - 1,
  );

function roofline({ roofline: f, total_ns }: ProfileReport): string {
  const tflops = (x: number): string => x.toPrecision(3);
  const bound =
    f.bound === "compute"
      ? `bound by the peak of its types, ${tflops(f.peak_tflops)} TFLOP/s`
      : `bound by HBM, ${f.hbm_bytes_per_ns.toFixed(0)} B/ns`;
  const intensity =
    f.flops === 0
      ? "no matmuls"
      : f.intensity === null
        ? "no HBM traffic"
        : `${tflops(f.intensity)} flop/B`;
  const rates =
    f.flops > 0
      ? ` It reaches ${tflops(f.achieved_tflops)} of ${tflops(f.attainable_tflops)} TFLOP/s.`
      : "";
  return wrap(
    `${intensity}, ridge at ${tflops(f.ridge)}: ${bound}. At that bound it takes ${time(Math.max(f.compute_ns, f.memory_ns))} of ${time(total_ns)}.${rates}`,
    WIDTH - 1,
  );
}

function advice(r: ProfileReport, c: Colours, top: number): string {
  const { timed, skipped } = r.what_ifs;
  const left = skipped > 0 ? `, ${skipped} left out (less than 0.5%, or beyond --budget)` : "";
  const tried = `${timed} what-ifs timed${left}`;
  if (r.advice.length === 0)
    return wrap(timed > 0 ? `nothing that saves 0.5% was found: ${tried}` : tried, WIDTH - 1);
  const texts = r.advice.slice(0, top).map((a, i) => {
    const gain = `saves ${a.gain === "at most" ? "at most " : ""}${time(a.gain_ns)} (${percent(a.gain_share)})`;
    const title = `${String(i + 1).padStart(2)}. ${c.green(gain)}  ${c.bold(a.kind)}`;
    const body = [a.says, a.change, `Check: ${a.check}.`].map((t) => wrap(t, WIDTH - 5));
    return `${title}\n${indented(body.join("\n"), "    ")}`;
  });
  const more = r.advice.length > top ? `${r.advice.length - top} more with --top; ` : "";
  const how =
    r.origin === "recorded"
      ? ""
      : "\nto check one: --report before.json, make the change, --against before.json";
  return `${texts.join("\n")}\n${c.dim(wrap(more + tried, WIDTH - 1) + how)}`;
}
