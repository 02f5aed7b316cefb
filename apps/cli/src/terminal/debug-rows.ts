/** The rows of a report that help to find a mistake: watched tensors, and the writes behind a wrong element. */
import { basename } from "node:path";
import type { CheckReport, WatchReport } from "@opentrn/runtime";
import type { Colours } from "../io.ts";
import { count } from "./units.ts";

type Line = (label: string, text: string) => string;
type History = NonNullable<NonNullable<CheckReport["first_wrong"]>["written_by"]>;

const number = (x: number | string): string =>
  typeof x === "string" ? x : Number.isInteger(x) ? String(x) : String(Number(x.toPrecision(5)));

const place = (file: string | null, line: number | null): string =>
  file === null ? "" : `${basename(file)}:${line}`;

/** Two rows a write: what wrote where, and what it left there. */
export function watchRows(w: WatchReport, line: Line, c: Colours): string[] {
  const rows = [line("watch", `${count(w.count)} writes`)];
  w.writes.forEach((write, n) => {
    if (n === w.kept_first && w.omitted > 0)
      rows.push(line("", c.dim(`… ${count(w.omitted)} more`)));
    const core = write.core === 0 ? "" : ` core ${write.core}`;
    const where = place(write.file, write.line);
    rows.push(
      line("", `${c.dim(where)}${where ? " " : ""}${write.instruction}${core}  ${write.slice}`),
    );
    const values = write.values.map(number).join(" ");
    const size = write.shape.reduce((a, b) => a * b, 1);
    const more = size > write.values.length ? " …" : "";
    const nan = write.nan === 0 ? "" : `  ${c.red(`${count(write.nan)} NaN`)}`;
    const range = `min ${number(write.min)}  max ${number(write.max)}  mean ${number(write.mean)}`;
    rows.push(line("", `  ${range}${nan}  [${values}${more}]`));
  });
  return rows;
}

/** One row a write, latest first. */
export function historyRows(history: History, line: Line, c: Colours): string[] {
  if (history.length === 0) return [line("", "  no instruction wrote it")];
  return history.map((w, n) => {
    const verb = n === 0 ? "written by" : "copied from";
    return line(
      "",
      `  ${verb} ${w.instruction} ${c.dim(place(w.file, w.line))}  ${w.slice} in ${w.space}`.trimEnd(),
    );
  });
}
