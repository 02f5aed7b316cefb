/** Writes a trace's slices as CSV (RFC 4180): a header, then one line for each instruction and transfer. */
import type { TraceModel } from "../schema.ts";

const CHUNK = 4096;
const columns = [
  "core",
  "track",
  "kind",
  "name",
  "start_ns",
  "duration_ns",
  "bytes",
  "source",
  "operands",
  "stall",
] as const;

const cell = (value: string | number): string => {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
};
/** Picoseconds are the finest that times have. */
const ns = (x: number): string => String(Math.round(x * 1000) / 1000);

export function* csvChunks(model: TraceModel): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  const tracks = new Map(model.tracks.map((t) => [t.id, t]));
  let part = `${columns.join(",")}\r\n`;
  let n = 0;
  for (const s of model.slices) {
    const track = tracks.get(s.track)!;
    const { bytes = "", source = "", operands = "", stall = "" } = s.args;
    const cells = [
      track.process,
      track.name,
      track.kind === "queue" ? "transfer" : "instruction",
      s.name,
      ns(s.startNs),
      ns(s.endNs - s.startNs),
      bytes,
      source,
      operands,
      stall,
    ];
    part += `${cells.map(cell).join(",")}\r\n`;
    if (++n % CHUNK === 0) {
      yield encoder.encode(part);
      part = "";
    }
  }
  yield encoder.encode(part);
}
