/** Collectives between ranks: the part of the accuracy page on their published times. */
import { sizesOf } from "../row.ts";
import { median, quantile } from "../statistics.ts";
import { type CheckedRow, measuredCollectives } from "../validation.ts";
import type { Accuracy } from "./accuracy.ts";
import { type Block, heading, paragraph, table } from "./blocks.ts";

const pct = (x: number): string => `${x.toFixed(1)} %`;
const signed = (x: number): string => `${x < 0 ? "−" : "+"}${Math.abs(x).toFixed(1)} %`;

/** `1 KiB`, `8.0 MiB` */
function bytes(n: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  let at = 0;
  let value = n;
  while (value >= 1024 && at < units.length - 1) {
    value /= 1024;
    at++;
  }
  return `${value >= 10 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(1)} ${units[at]}`;
}

function sizes(rows: readonly CheckedRow[]): string {
  const all = rows.flatMap(({ row }) => sizesOf(row)["size_bytes"] ?? []);
  if (all.length === 0) return "best of all";
  const [low, high] = [Math.min(...all), Math.max(...all)];
  return low === high ? bytes(low) : `${bytes(low)} to ${bytes(high)}`;
}

export function collectiveBlocks({ validation: { checked } }: Accuracy): Block[] {
  const groups = new Map<string, CheckedRow[]>();
  for (const c of measuredCollectives(checked)) {
    const { generation, kernel, metric, topology = "", trust = "", source_group = "" } = c.row;
    const where = topology.replace(/^1 node\(s\), /, "");
    const key = [generation, kernel, where, source_group, trust, metric].join("\n");
    const group = groups.get(key);
    if (group) group.push(c);
    else groups.set(key, [c]);
  }
  if (groups.size === 0) return [];
  const rows = [...groups].map(([key, list]) => {
    const [chip, op, where, source, trust, metric] = key.split("\n") as string[];
    const errors = list.map((c) => c.errorPct);
    return [
      chip!,
      op!,
      where!,
      sizes(list),
      metric === "bus_bandwidth" ? "bandwidth" : "time",
      `${source} (${trust})`,
      String(list.length),
      pct(median(errors.map(Math.abs))),
      pct(quantile(errors.map(Math.abs), 0.9)),
      signed(median(errors)),
    ];
  });
  return [
    heading(2, "Collectives"),
    paragraph(
      "Published times and bus bandwidths by operation, topology and size; `validation/collectives.json` says what each source's figures hold beside the collective. Where that is a floor of host dispatch, as with trn2's rows of `xpu-perf` below 8 MiB and all small sizes of `nccom-test` on trn1, agreement says little about the collective itself. A row that took more than twice or less than half the predicted time covers nothing: collectives like it are outside the envelope.",
    ),
    table(
      [
        "chip",
        "operation",
        "ranks",
        "sizes",
        "figure",
        "source (trust)",
        "rows",
        "median error",
        "90th percentile",
        "median, signed",
      ],
      rows.toSorted((a, b) => a.join().localeCompare(b.join())),
      6,
    ),
  ];
}
