/** Prints how a replayed profile compares with what it recorded. */
import type { KindError, ProfileAccuracy } from "@opentrn/runtime";
import type { Colours } from "../io.ts";
import { table } from "./table.ts";
import { time } from "./units.ts";

const signed = (ns: number): string => `${ns < 0 ? "−" : "+"}${time(Math.round(Math.abs(ns)))}`;
const pct = (x: number): string => (Number.isNaN(x) ? "" : `${x.toFixed(1)}%`);

const cells = (k: KindError): string[] => [
  k.engine,
  k.opcode,
  String(k.n),
  pct(k.medianAbsPct),
  pct(k.p90AbsPct),
  signed(k.medianDriftNs),
  signed(k.worstDriftNs),
];

export function profileReport(name: string, a: ProfileAccuracy, colours: Colours): string {
  const { transfers: t, total } = a;
  const rows = table(
    [
      { title: "engine" },
      { title: "instruction" },
      { title: "n", right: true },
      { title: "duration", right: true },
      { title: "p90", right: true },
      { title: "start", right: true },
      { title: "worst", right: true },
    ],
    [...a.kinds, a.kernel, a.all].map(cells),
    colours,
  );
  const counted = (of: Readonly<Record<string, number>>): string =>
    Object.entries(of)
      .map(([opcode, n]) => `${n} ${opcode}`)
      .join(", ");
  const [unknown, approximate] = [counted(a.unknown), counted(a.approximate)];
  const lines = [
    colours.bold(name),
    rows.trimEnd(),
    "",
    `total ${time(total.predictedNs)} predicted, ${time(total.measuredNs)} recorded: ${total.errorPct.toFixed(2)}%`,
    t.n > 0
      ? `${t.n} transfers: first byte within ${time(Math.round(t.medianAbsStartNs))}, last within ${time(Math.round(t.medianAbsEndNs))} (medians), span within ${pct(t.medianAbsSpanPct)}`
      : "no transfers could be told from the packets",
    ...(a.given > 0
      ? [`${a.given} instructions wait for something outside the dump; their starts are given`]
      : []),
    ...(approximate ? [`not known here, timed as element by element: ${approximate}`] : []),
    ...(unknown ? [`not known here, played with the duration they had: ${unknown}`] : []),
    "",
    "",
  ];
  return lines.join("\n");
}
