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
  {
    track: 2,
    name: "dma_copy",
    startNs: 6,
    endNs: 9,
    args: { instruction: 0, bytes: 512, trigger_ns: 2 },
  },
];
const model: TraceModel = {
  version: TRACE_VERSION,
  name: "k",
  target: "trn2",
  totalNs: 40,
  facts: { tensor_engine_num_rows: 128, tensor_engine_clock_freq: 2.4 },
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
const filesOf = (path: string) => traceFormOf(path).files(path, model);
function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(chunks.reduce((n, c) => n + c.length, 0));
  let at = 0;
  for (const c of chunks) {
    all.set(c, at);
    at += c.length;
  }
  return all;
}
const bytesOf = (path: string): Uint8Array => joined([...filesOf(path)[0]!.chunks]);
const textOf = (path: string): string => new TextDecoder().decode(bytesOf(path));

it("the name says the form", () => {
  expect(traceFormOf("x.speedscope.json").opens).toMatch(/speedscope/);
  expect(traceFormOf("x.json").opens).toMatch(/neuron-profile/);
  expect(traceFormOf("x.pftrace").opens).toMatch(/perfetto/);
  expect(traceFormOf("anything").opens).toMatch(/perfetto/);
});

describe("CSV", () => {
  it("has the track and then the columns of the table that its name asks for", () => {
    const lines = textOf("x.csv").split("\r\n");
    expect(lines).toHaveLength(5);
    expect(lines[0]).toBe(
      "timeline_track,start_ts,end_ts,duration_ns,engine,pcore_idx,opcode,operands,id,pc,bir_id,bir_instruction_name,evt_wait_time_ns,nki_source_location,tensor_instruction_type",
    );
    expect(lines[1]).toBe(
      "TensorE,10,21,11,tensor,0,MATMUL,dst=%1 data=%2,1,3,sg00:3,I-3,0,k.py:7,REGULAR",
    );
    const transfers = textOf("out/DmaPacketAggregated.csv").split("\r\n");
    expect(transfers[0]).toMatch(/^timeline_track,start_ts,.*,queue_name,queue_type,op,/);
    expect(transfers[1]).toMatch(
      /^qSyncDynamicHW,6,9,3,1,0,0,qSyncDynamicHW,hardware_dynamic,dma_copy,512,170666666666.*,2$/,
    );
  });

  it("quotes what needs it", () => {
    const quoted = { ...slices[0]!, args: { instruction: 3, operands: 'a "b", c' } };
    const [file] = traceFormOf("x.csv").files("x.csv", { ...model, slices: [quoted] });
    expect(new TextDecoder().decode(joined([...file!.chunks]))).toContain('"a ""b"", c"');
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

  it("sums up and describes the chip under the dumps' names", () => {
    const { summary, metadata } = JSON.parse(textOf("x.json"));
    expect(summary[0]).toMatchObject({
      total_time: 40e-9,
      tensor_engine_active_time_percent: 0.525,
      matmul_instruction_count: 2,
      dma_transfer_count: 1,
    });
    expect(metadata[0]).toMatchObject({ pe_num_rows: 128, pe_clock_freq: 2.4, vnc_enabled: false });
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

  /** Columns by name, read independently of the writer. */
  function read(bytes: Uint8Array): { name: string; values: ReadonlyMap<string, unknown[]> } {
    const view = new DataView(bytes.buffer);
    const magic = (from: number): string =>
      new TextDecoder().decode(bytes.subarray(from, from + 4));
    expect([magic(0), magic(bytes.length - 4)]).toEqual(["PAR1", "PAR1"]);
    const footer = view.getUint32(bytes.length - 8, true);
    const meta = thrift(bytes, bytes.length - 8 - footer).value;
    const [root] = meta[2] as Record<number, unknown>[];
    const [group] = meta[4] as Record<number, unknown>[];
    const values = new Map<string, unknown[]>();
    for (const chunk of group![1] as Record<number, Record<number, unknown>>[]) {
      const column = chunk[3]!;
      const page = thrift(bytes, column[9] as number);
      const n = (page.value[5] as Record<number, unknown>)[1] as number;
      expect(n).toBe(meta[3]);
      let at = page.end;
      const one = (i: number): unknown => {
        if (column[1] === 0) return ((bytes[page.end + (i >> 3)]! >> (i & 7)) & 1) === 1;
        if (column[1] !== 6) {
          at += 8;
          return column[1] === 2
            ? Number(view.getBigInt64(at - 8, true))
            : view.getFloat64(at - 8, true);
        }
        const length = view.getUint32(at, true);
        at += 4 + length;
        return new TextDecoder().decode(bytes.subarray(at - length, at));
      };
      values.set(
        (column[3] as string[])[0]!,
        Array.from({ length: n }, (_, i) => one(i)),
      );
      if (column[1] === 0) at += Math.ceil(n / 8);
      expect(at - (column[9] as number)).toBe(column[7]);
    }
    return { name: root![4] as string, values };
  }

  it("holds a table column by column", () => {
    const { name, values } = read(bytesOf("x.parquet"));
    expect(name).toBe("Instruction");
    expect(values.get("opcode")).toEqual(["MATMUL", "MATMUL", "DMA_DIRECT2D"]);
    expect(values.get("start_ts")).toEqual([10, 30, 0]);
    expect(values.get("evt_wait_time_ns")).toEqual([0, 10, 0]);
    expect(values.get("nki_source_location")).toEqual(["k.py:7", "", ""]);
  });

  it("a folder has all tables, with what each column is in one of them", () => {
    const all = new Map(filesOf("out/").map((f) => [f.path, read(joined([...f.chunks]))]));
    expect([...all.keys()]).toEqual(
      [
        "Instruction",
        "DmaPacketAggregated",
        "OpcodeSummary",
        "Summary",
        "Metadata",
        "SchemaFields",
      ].map((t) => `out/${t}.parquet`),
    );
    const of = (table: string) => all.get(`out/${table}.parquet`)!.values;
    expect(of("DmaPacketAggregated").get("transfer_bytes")).toEqual([512]);
    expect(of("OpcodeSummary").get("instruction_time_ns")).toEqual([21, 5]);
    expect(of("Summary").get("tensor_engine_active_time_percent")).toEqual([0.525]);
    expect(of("Summary").get("dma_active_time")).toEqual([3e-9]);
    expect(of("Metadata").get("is_simulation")).toEqual([true]);
    expect(of("Metadata").get("vnc_enabled")).toEqual([false]);
    expect(of("Metadata").get("tensor_engine_num_rows")).toEqual([128]);
    const fields = of("SchemaFields");
    const listed = fields.get("table_name")!.map((t, i) => `${t}.${fields.get("field_name")![i]}`);
    for (const [path, { values }] of all) {
      const table = path.replace(/^out\/|\.parquet$/g, "");
      if (table === "SchemaFields") continue;
      for (const column of values.keys()) expect(listed).toContain(`${table}.${column}`);
    }
  });
});
