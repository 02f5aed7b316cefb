import { describe, expect, it } from "vitest";
import { readProfile } from "../profile/index.ts";
import { TRACE_VERSION, type TraceModel, type TraceSlice } from "../schema.ts";
import { traceFormOf } from "./index.ts";
import { thriftBytes } from "./thrift.ts";

const slices: TraceSlice[] = [
  {
    track: 0,
    name: "nc_matmul",
    startNs: 10.25,
    endNs: 20.5,
    args: { instruction: 3, operands: "dst=%1 data=%2", source: "k.py:7" },
  },
  {
    track: 0,
    name: "nc_transpose",
    startNs: 30,
    endNs: 40,
    args: { instruction: 4, stall: 'a "b"' },
  },
  { track: 1, name: "dma_copy (trigger)", startNs: 0, endNs: 5, args: { instruction: 0 } },
  { track: 2, name: "dma_copy", startNs: 6, endNs: 9, args: { instruction: 0, bytes: 512 } },
];
const model: TraceModel = {
  version: TRACE_VERSION,
  name: "k",
  target: "trn2",
  totalNs: 40,
  processes: [{ id: 0, name: "core" }],
  tracks: [
    { id: 0, process: 0, name: "TensorE", kind: "engine" },
    { id: 1, process: 0, name: "SyncE", kind: "engine" },
    { id: 2, process: 0, name: "DMA qSyncDynamicHW", kind: "queue" },
    { id: 3, process: 0, name: "SBUF in use", kind: "bytes" },
  ],
  slices,
  counters: [],
};
function bytesOf(path: string): Uint8Array {
  const chunks = [...traceFormOf(path).chunks(model)];
  const all = new Uint8Array(chunks.reduce((n, c) => n + c.length, 0));
  let at = 0;
  for (const c of chunks) {
    all.set(c, at);
    at += c.length;
  }
  return all;
}
const textOf = (path: string): string => new TextDecoder().decode(bytesOf(path));

it("the name says the form", () => {
  expect(traceFormOf("x.speedscope.json").opens).toMatch(/speedscope/);
  expect(traceFormOf("x.json").opens).toMatch(/neuron-profile/);
  expect(traceFormOf("x.pftrace").opens).toMatch(/perfetto/);
  expect(traceFormOf("anything").opens).toMatch(/perfetto/);
});

describe("CSV", () => {
  it("has a line for each slice and quotes what needs it", () => {
    const lines = textOf("x.csv").split("\r\n");
    expect(lines).toHaveLength(6);
    expect(lines[0]).toBe("core,track,kind,name,start_ns,duration_ns,bytes,source,operands,stall");
    expect(lines[1]).toBe("0,TensorE,instruction,nc_matmul,10.25,10.25,,k.py:7,dst=%1 data=%2,");
    expect(lines[2]).toMatch(/,"a ""b"""$/);
    expect(lines[4]).toBe("0,DMA qSyncDynamicHW,transfer,dma_copy,6,3,512,,,");
  });
});

describe("speedscope", () => {
  it("opens and closes every frame of a track in order", () => {
    const file = JSON.parse(textOf("x.speedscope.json"));
    expect(file.profiles.map((p: { name: string }) => p.name)).toEqual([
      "TensorE",
      "SyncE",
      "DMA qSyncDynamicHW",
    ]);
    for (const p of file.profiles) {
      let last = 0;
      for (const [i, e] of p.events.entries()) {
        expect(e.type).toBe(i % 2 === 0 ? "O" : "C");
        expect(e.at).toBeGreaterThanOrEqual(last);
        last = e.at;
        expect(file.shared.frames[e.frame]).toBeDefined();
      }
      expect(p.endValue).toBe(40);
    }
    expect(file.shared.frames[0]).toEqual({ name: "nc_matmul", file: "k.py", line: 7 });
  });
});

describe("the profiler's JSON", () => {
  it("is read by the reader of real dumps", () => {
    const profile = readProfile(textOf("x.json"));
    expect(profile.metadata).toMatchObject({ durationNs: 40, isSimulation: true });
    expect(
      profile.instructions.map((i) => [i.engine, i.opcode, i.kind, i.start, i.duration, i.wait]),
    ).toEqual([
      ["Tensor", "MATMUL", "REGULAR", 10, 11, 0],
      ["Tensor", "MATMUL", "TRANSPOSE", 30, 10, 10],
      ["Sync", "DMA_DIRECT2D", "REGULAR", 0, 5, 0],
    ]);
    expect(profile.packets).toEqual([
      expect.objectContaining({ queue: 0, source: "hardware_dynamic", start: 6, bytes: 512 }),
    ]);
    expect(profile.queues).toEqual([{ core: "sg00", name: "qSyncDynamicHW", id: 0 }]);
  });
});

/** Reads Thrift's compact protocol, independent of the writer. */
function thrift(bytes: Uint8Array, from = 0): { value: Record<number, unknown>; end: number } {
  let at = from;
  const varint = (): number => {
    let [value, shift] = [0, 0];
    for (;;) {
      const b = bytes[at++]!;
      value += (b & 127) * 2 ** shift;
      shift += 7;
      if (b < 128) return value;
    }
  };
  const integer = (): number => {
    const n = varint();
    return n % 2 === 0 ? n / 2 : -(n + 1) / 2;
  };
  const value = (type: number): unknown => {
    if (type === 5 || type === 6) return integer();
    if (type === 8) {
      const n = varint();
      at += n;
      return new TextDecoder().decode(bytes.subarray(at - n, at));
    }
    if (type === 9) {
      const head = bytes[at++]!;
      const n = head >> 4 === 15 ? varint() : head >> 4;
      return Array.from({ length: n }, () => value(head & 15));
    }
    return struct();
  };
  const struct = (): Record<number, unknown> => {
    const out: Record<number, unknown> = {};
    let field = 0;
    for (let head = bytes[at++]!; head !== 0; head = bytes[at++]!) {
      field += head >> 4;
      out[field] = value(head & 15);
    }
    return out;
  };
  return { value: struct(), end: at };
}

describe("Parquet", () => {
  it("metadata is Thrift's compact protocol", () => {
    expect([...thriftBytes({ 1: 1, 3: "ab", 4: -3n })]).toEqual([
      0x15, 2, 0x28, 2, 0x61, 0x62, 0x16, 5, 0,
    ]);
    const long = { 1: Array.from({ length: 20 }, (_, i) => ({ 1: i })), 2: [] };
    expect(thrift(thriftBytes(long)).value[1]).toHaveLength(20);
  });

  it("holds the instruction table column by column", () => {
    const bytes = bytesOf("x.parquet");
    const view = new DataView(bytes.buffer);
    const magic = (from: number): string =>
      new TextDecoder().decode(bytes.subarray(from, from + 4));
    expect([magic(0), magic(bytes.length - 4)]).toEqual(["PAR1", "PAR1"]);
    const footer = view.getUint32(bytes.length - 8, true);
    const meta = thrift(bytes, bytes.length - 8 - footer).value;
    expect(meta[3]).toBe(3);
    const [group] = meta[4] as Record<number, unknown>[];
    const values = new Map<string, unknown[]>();
    for (const chunk of group![1] as Record<number, Record<number, unknown>>[]) {
      const column = chunk[3]!;
      const page = thrift(bytes, column[9] as number);
      expect((page.value[5] as Record<number, unknown>)[1]).toBe(3);
      let at = page.end;
      const read = (): unknown => {
        if (column[1] === 2) {
          at += 8;
          return Number(view.getBigInt64(at - 8, true));
        }
        const n = view.getUint32(at, true);
        at += 4 + n;
        return new TextDecoder().decode(bytes.subarray(at - n, at));
      };
      values.set((column[3] as string[])[0]!, [read(), read(), read()]);
      expect(at - (column[9] as number)).toBe(column[7]);
    }
    expect(values.get("opcode")).toEqual(["MATMUL", "MATMUL", "DMA_DIRECT2D"]);
    expect(values.get("timestamp")).toEqual([10, 30, 0]);
    expect(values.get("nki_source_location")).toEqual(["k.py:7", "", ""]);
  });
});
