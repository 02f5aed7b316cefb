/** Writes a trace as speedscope's file format (https://www.speedscope.app/file-format-schema.json): one profile for each track. */
import type { TraceModel, TraceSlice } from "../schema.ts";

const CHUNK = 4096;

export function* speedscopeChunks(model: TraceModel): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  const frames = new Map<string, number>();
  const frameOf = (s: TraceSlice): number => {
    const source = String(s.args["source"] ?? "");
    const key = `${s.name}\n${source}`;
    const known = frames.get(key);
    if (known !== undefined) return known;
    frames.set(key, frames.size);
    return frames.size - 1;
  };
  yield encoder.encode(
    '{"$schema":"https://www.speedscope.app/file-format-schema.json","profiles":[',
  );
  const names = new Map(
    model.tracks.map((t) => {
      const process = model.processes.length > 1 ? `core ${t.process} ` : "";
      return [t.id, `${process}${t.name}`];
    }),
  );
  let part = "";
  let n = 0;
  let open = -1;
  const end = `],"startValue":0,"endValue":${JSON.stringify(model.totalNs)}}`;
  for (const s of model.slices) {
    if (s.track !== open) {
      const head = { type: "evented", name: names.get(s.track), unit: "nanoseconds" };
      part += `${open >= 0 ? `${end},` : ""}${JSON.stringify(head).slice(0, -1)},"events":[`;
      open = s.track;
    } else part += ",";
    const frame = frameOf(s);
    part += `{"type":"O","frame":${frame},"at":${s.startNs}},{"type":"C","frame":${frame},"at":${s.endNs}}`;
    if (++n % CHUNK === 0) {
      yield encoder.encode(part);
      part = "";
    }
  }
  const list = [...frames.keys()].map((key) => {
    const [name, source] = key.split("\n") as [string, string];
    const [, file, line] = /^(.*):(\d+)$/.exec(source) ?? [];
    return file === undefined ? { name } : { name, file, line: Number(line) };
  });
  yield encoder.encode(
    `${part}${open >= 0 ? end : ""}],"shared":{"frames":${JSON.stringify(list)}},"name":${JSON.stringify(`${model.name} on ${model.target}`)},"exporter":"OpenTrn","activeProfileIndex":0}\n`,
  );
}
