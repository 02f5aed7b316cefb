/**
 * Writes a table as Parquet (https://parquet.apache.org/docs/file-format): plain encoding, no compression, all columns required, row
 * groups of 65,536 rows, one page a column.
 */
import type { TraceModel } from "../schema.ts";
import type { Column, ColumnType, Row, Table } from "./table.ts";
import { type Struct, thriftBytes } from "./thrift.ts";

const ROWS = 65536;
/** Numbers of the format's enumerations. */
const physical: Readonly<Record<ColumnType, number>> = {
  boolean: 0,
  int64: 2,
  double: 5,
  string: 6,
};
const UTF8 = 0;
const [PLAIN, RLE] = [0, 3];
const REQUIRED = 0;
const magic = Uint8Array.from([0x50, 0x41, 0x52, 0x31]);

export function* parquetChunks(table: Table, model: TraceModel): Generator<Uint8Array> {
  const { columns } = table;
  yield magic;
  let offset = magic.length;
  const groups: Struct[] = [];
  let total = 0;
  for (const group of inGroups(table.rows(model))) {
    total += group.length;
    const chunks: Struct[] = [];
    const start = offset;
    for (const { name, type } of columns) {
      const values = encoders[type](group, name);
      const header = pageHeader(values.length, group.length);
      yield header;
      yield values;
      const size = BigInt(header.length + values.length);
      chunks.push({
        2: BigInt(offset),
        3: {
          1: physical[type],
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
    2: [{ 4: table.name, 5: columns.length }, ...columns.map(schemaElement)],
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

function* inGroups(rows: Iterable<Row>): Generator<Row[]> {
  let group: Row[] = [];
  for (const row of rows) {
    group.push(row);
    if (group.length < ROWS) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

const schemaElement = ({ name, type }: Column): Struct =>
  type === "string"
    ? { 1: physical[type], 3: REQUIRED, 4: name, 6: UTF8 }
    : { 1: physical[type], 3: REQUIRED, 4: name };

const pageHeader = (bytes: number, values: number): Uint8Array =>
  thriftBytes({ 1: 0, 2: bytes, 3: bytes, 5: { 1: values, 2: PLAIN, 3: RLE, 4: RLE } });

type Encode = (rows: readonly Row[], name: string) => Uint8Array;

const words =
  (set: (view: DataView, at: number, value: number) => void): Encode =>
  (rows, name) => {
    const out = new Uint8Array(8 * rows.length);
    const view = new DataView(out.buffer);
    for (const [i, r] of rows.entries()) set(view, 8 * i, Number(r[name]));
    return out;
  };

const encoders: Readonly<Record<ColumnType, Encode>> = {
  int64: words((view, at, v) => view.setBigInt64(at, BigInt(v), true)),
  double: words((view, at, v) => view.setFloat64(at, v, true)),
  // One bit a value, the first in the lowest.
  boolean: (rows, name) => {
    const out = new Uint8Array(Math.ceil(rows.length / 8));
    for (const [i, r] of rows.entries()) if (r[name] === true) out[i >> 3]! |= 1 << (i & 7);
    return out;
  },
  string: (rows, name) => {
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
  },
};
