/**
 * Writes the profiler's `instruction` table as Parquet (https://parquet.apache.org/docs/file-format): plain encoding, no compression,
 * all columns required, row groups of 65,536 rows, one page a column.
 */
import type { TraceModel } from "../schema.ts";
import { type InstructionRow, instructionRows } from "./rows.ts";
import { type Struct, thriftBytes } from "./thrift.ts";

const ROWS = 65536;
/** Numbers of the format's enumerations. */
const INT64 = 2;
const BYTE_ARRAY = 6;
const UTF8 = 0;
const [PLAIN, RLE] = [0, 3];
const REQUIRED = 0;
const magic = Uint8Array.from([0x50, 0x41, 0x52, 0x31]);

const columns: readonly { readonly name: keyof InstructionRow; readonly type: number }[] = [
  { name: "id", type: INT64 },
  { name: "subgraph", type: BYTE_ARRAY },
  { name: "label", type: BYTE_ARRAY },
  { name: "pc", type: INT64 },
  { name: "opcode", type: BYTE_ARRAY },
  { name: "instruction_type", type: BYTE_ARRAY },
  { name: "timestamp", type: INT64 },
  { name: "duration", type: INT64 },
  { name: "evt_wait_time", type: INT64 },
  { name: "operands", type: BYTE_ARRAY },
  { name: "bir_instruction_name", type: BYTE_ARRAY },
  { name: "nki_source_location", type: BYTE_ARRAY },
];

export function* parquetChunks(model: TraceModel): Generator<Uint8Array> {
  yield magic;
  let offset = magic.length;
  const groups: Struct[] = [];
  let total = 0;
  const rows = instructionRows(model)[Symbol.iterator]();
  for (;;) {
    const group: InstructionRow[] = [];
    for (let n = rows.next(); !n.done; n = rows.next()) {
      group.push(n.value);
      if (group.length === ROWS) break;
    }
    if (group.length === 0) break;
    total += group.length;
    const chunks: Struct[] = [];
    const start = offset;
    for (const { name, type } of columns) {
      const values = type === INT64 ? integers(group, name) : texts(group, name);
      const header = pageHeader(values.length, group.length);
      yield header;
      yield values;
      const size = BigInt(header.length + values.length);
      chunks.push({
        2: BigInt(offset),
        3: {
          1: type,
          2: [PLAIN, RLE],
          3: [name],
          4: 0,
          5: BigInt(group.length),
          6: size,
          7: size,
          9: BigInt(offset),
        },
      });
      offset += Number(size);
    }
    groups.push({ 1: chunks, 2: BigInt(offset - start), 3: BigInt(group.length) });
  }
  const footer = thriftBytes({
    1: 1,
    2: [{ 4: "instruction", 5: columns.length }, ...columns.map(schemaElement)],
    3: BigInt(total),
    4: groups,
    6: "OpenTrn",
  });
  yield footer;
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, footer.length, true);
  yield length;
  yield magic;
}

const schemaElement = ({ name, type }: (typeof columns)[number]): Struct =>
  type === BYTE_ARRAY
    ? { 1: type, 3: REQUIRED, 4: name, 6: UTF8 }
    : { 1: type, 3: REQUIRED, 4: name };

const pageHeader = (bytes: number, values: number): Uint8Array =>
  thriftBytes({ 1: 0, 2: bytes, 3: bytes, 5: { 1: values, 2: PLAIN, 3: RLE, 4: RLE } });

function integers(rows: readonly InstructionRow[], name: keyof InstructionRow): Uint8Array {
  const out = new Uint8Array(8 * rows.length);
  const view = new DataView(out.buffer);
  rows.forEach((r, i) => {
    view.setBigInt64(8 * i, BigInt(r[name]), true);
  });
  return out;
}

function texts(rows: readonly InstructionRow[], name: keyof InstructionRow): Uint8Array {
  const encoder = new TextEncoder();
  const encoded = rows.map((r) => encoder.encode(String(r[name])));
  const out = new Uint8Array(encoded.reduce((n, b) => n + 4 + b.length, 0));
  const view = new DataView(out.buffer);
  let at = 0;
  for (const b of encoded) {
    view.setUint32(at, b.length, true);
    out.set(b, at + 4);
    at += 4 + b.length;
  }
  return out;
}
