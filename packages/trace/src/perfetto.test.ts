import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { describe, expect, it } from "vitest";
import { perfettoChunks } from "./perfetto.ts";
import { TRACE_VERSION, type TraceModel, type TraceSlice } from "./schema.ts";

/** Any protobuf message as numbers and bytes by field number; knows nothing of what the writer meant. */
type Raw = Map<number, (number | Uint8Array)[]>;

function raw(bytes: Uint8Array): Raw {
  const r = new BinaryReader(bytes);
  const out: Raw = new Map();
  while (r.pos < r.len) {
    const [field, type] = r.tag();
    const value =
      type === WireType.LengthDelimited
        ? r.bytes()
        : type === WireType.Bit64
          ? Number(r.fixed64())
          : Number(r.uint64());
    out.set(field, [...(out.get(field) ?? []), value]);
  }
  return out;
}
const sub = (m: Raw, field: number): Raw | undefined => {
  const v = m.get(field)?.[0];
  return v instanceof Uint8Array ? raw(v) : undefined;
};
const text = (m: Raw, field: number): string =>
  new TextDecoder().decode(m.get(field)![0] as Uint8Array);
const number = (m: Raw, field: number): number => m.get(field)![0] as number;

/** The trace as text, names resolved the way Perfetto does: interned entries count from their packet on. */
function decoded(model: TraceModel): string[] {
  const chunks = [...perfettoChunks(model)];
  const all = new Uint8Array(chunks.reduce((n, c) => n + c.length, 0));
  chunks.reduce((at, c) => {
    all.set(c, at);
    return at + c.length;
  }, 0);
  const [names, keys, texts] = [0, 1, 2].map(() => new Map<number, string>());
  const lines: string[] = [];
  for (const packet of raw(all).get(1)!) {
    const p = raw(packet as Uint8Array);
    const flags = number(p, 13);
    if (lines.length === 0) expect(flags & 1).toBe(1);
    const interned = sub(p, 12);
    for (const [field, table] of [
      [2, names],
      [3, keys],
      [29, texts],
    ] as const)
      for (const entry of interned?.get(field) ?? []) {
        const e = raw(entry as Uint8Array);
        table!.set(number(e, 1), text(e, 2));
      }
    const descriptor = sub(p, 60);
    if (descriptor) {
      const process = sub(descriptor, 3);
      const kind = sub(descriptor, 8);
      lines.push(
        process
          ? `process ${number(descriptor, 1)} ${text(process, 6)}`
          : `track ${number(descriptor, 1)} in ${number(descriptor, 5)} ${text(descriptor, 2)}${kind ? ` unit ${number(kind, 3)}` : ""}`,
      );
      continue;
    }
    const e = sub(p, 11)!;
    const at = `${number(p, 8)} on ${number(e, 11)}`;
    const type = number(e, 9);
    if (type === 2) lines.push(`end ${at}`);
    else if (type === 4) lines.push(`count ${at} = ${number(e, 30)}`);
    else {
      const args = (e.get(4) ?? []).map((a) => {
        const m = raw(a as Uint8Array);
        const value = m.has(17)
          ? texts!.get(number(m, 17))
          : m.has(6)
            ? text(m, 6)
            : m.has(4)
              ? number(m, 4)
              : number(m, 5);
        return `${keys!.get(number(m, 1))}=${value}`;
      });
      const flows = e.get(47) ? ` flows ${e.get(47)!.join()}` : "";
      lines.push(`begin ${at} ${names!.get(number(e, 10))} ${args.join(" ")}${flows}`);
    }
  }
  return lines;
}

const model = (slices: Iterable<TraceSlice>): TraceModel => ({
  version: TRACE_VERSION,
  name: "add",
  target: "trn2",
  totalNs: 100,
  processes: [{ id: 0, name: "NeuronCore 0" }],
  tracks: [
    { id: 0, process: 0, name: "VectorE", kind: "engine" },
    { id: 7, process: 0, name: "SBUF in use", kind: "bytes" },
  ],
  slices,
  counters: [{ track: 7, ns: 5, value: 4096 }],
});

describe("perfettoChunks", () => {
  it("writes processes, tracks, slices with arguments and arrows, and counters", () => {
    const args = { source: "k.py:3", instruction: 7 };
    const slices: TraceSlice[] = [
      { track: 0, name: "tensor_copy", startNs: 1.4, endNs: 20.6, args, flows: [3] },
      {
        track: 0,
        name: "tensor_copy",
        startNs: 20.6,
        endNs: 30,
        args: { ...args, stall: "waited" },
      },
    ];
    expect(decoded(model(slices))).toEqual([
      "process 1 NeuronCore 0",
      "track 1000000 in 1 VectorE",
      "track 1000007 in 1 SBUF in use unit 3",
      "begin 1 on 1000000 tensor_copy source=k.py:3 instruction=7 flows 3",
      "end 21 on 1000000",
      "begin 21 on 1000000 tensor_copy source=k.py:3 instruction=7 stall=waited",
      "end 30 on 1000000",
      "count 5 on 1000007 = 4096",
    ]);
  });

  it("streams: slices are asked for as chunks are taken", () => {
    let asked = 0;
    function* many(): Generator<TraceSlice> {
      for (let i = 0; i < 100_000; i++) {
        asked++;
        yield { track: 0, name: "op", startNs: i, endNs: i + 1, args: { operands: `x${i}` } };
      }
    }
    let largest = 0;
    let chunks = 0;
    for (const c of perfettoChunks(model(many()))) {
      largest = Math.max(largest, c.length);
      if (chunks++ === 0) expect(asked).toBeLessThan(2000);
    }
    expect(chunks).toBeGreaterThan(50);
    expect(largest).toBeLessThan(300_000);
  });
});
