/**
 * Writes a table as CSV (RFC 4180) as Neuron Explorer's timeline exports it: the track first, then the columns of the table under their
 * names, values as they are.
 */
import type { TraceModel } from "../schema.ts";
import type { Table, Value } from "./table.ts";

const CHUNK = 4096;
const TRACK = "timeline_track";

const cell = (value: Value): string => {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
};

export function* csvChunks(table: Table, model: TraceModel): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  const names = table.columns.map((c) => c.name).filter((n) => n !== TRACK);
  // Title and key of each column; only the track's differ.
  const columns = [
    ...(table.track === undefined ? [] : [[TRACK, table.track] as const]),
    ...names.map((n) => [n, n] as const),
  ];
  let part = `${columns.map(([title]) => title).join(",")}\r\n`;
  let n = 0;
  for (const row of table.rows(model)) {
    part += `${columns.map(([, key]) => cell(row[key]!)).join(",")}\r\n`;
    if (++n % CHUNK === 0) {
      yield encoder.encode(part);
      part = "";
    }
  }
  yield encoder.encode(part);
}
