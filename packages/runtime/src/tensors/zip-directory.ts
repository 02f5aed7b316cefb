/** The central directory of a zip: names, sizes and checksums, read before any entry is (APPNOTE 6.3, section 4.3). */
import { type ByteSource, badFile } from "./byte-source.ts";

export interface ZipEntry {
  readonly name: string;
  readonly packed: number;
  readonly size: number;
  readonly crc: number;
}

const END = 0x06054b50;
const END_BYTES = 22;
const ENTRY = 0x02014b50;
const ENTRY_BYTES = 46;
const WIDE_END = 0x06064b50;
const WIDE_LOCATOR = 0x07064b50;
const MAX_COMMENT = 0xffff;
const MAX_ENTRIES = 65_535;

/** Every entry; throws `bad input` for truncated directories, unsafe names, duplicates and ranges outside the file. */
export function directory(source: ByteSource): ZipEntry[] {
  const { name, size } = source;
  const fail = (why: string): never => {
    throw badFile(name, "zip", why);
  };
  if (size < END_BYTES) fail(`has ${size} bytes, a zip has at least ${END_BYTES}`);
  const tailAt = Math.max(0, size - END_BYTES - MAX_COMMENT - 20);
  const tail = source.read(tailAt, size - tailAt);
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength);
  let end = tail.length - END_BYTES;
  while (end >= 0 && view.getUint32(end, true) !== END) end--;
  if (end < 0) fail("has no zip directory at its end; it is cut off or no npz file");
  let count = view.getUint16(end + 10, true);
  let bytes = view.getUint32(end + 12, true);
  let at = view.getUint32(end + 16, true);
  if (count === 0xffff || bytes === 0xffffffff || at === 0xffffffff)
    [count, bytes, at] = wideEnd(source, view, end, fail);
  if (count > MAX_ENTRIES) fail(`lists ${count} entries, at most ${MAX_ENTRIES}`);
  if (at + bytes > tailAt + end)
    fail(`its directory lies at bytes ${at} to ${at + bytes} of ${size}`);
  return entries(source.read(at, bytes), count, tailAt + end, fail);
}

function wideEnd(
  source: ByteSource,
  view: DataView,
  end: number,
  fail: (why: string) => never,
): [number, number, number] {
  if (end < 20 || view.getUint32(end - 20, true) !== WIDE_LOCATOR)
    fail("its 64-bit directory is missing");
  const at = Number(view.getBigUint64(end - 20 + 8, true));
  if (at + 56 > source.size) fail(`its 64-bit directory lies at byte ${at} of ${source.size}`);
  const bytes = source.read(at, 56);
  const wide = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (wide.getUint32(0, true) !== WIDE_END) fail("its 64-bit directory is damaged");
  return [32, 40, 48].map((o) => Number(wide.getBigUint64(o, true))) as [number, number, number];
}

function entries(
  bytes: Uint8Array,
  count: number,
  dataEnd: number,
  fail: (why: string) => never,
): ZipEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const out: ZipEntry[] = [];
  const seen = new Set<string>();
  let p = 0;
  for (let i = 0; i < count; i++) {
    if (p + ENTRY_BYTES > bytes.length || view.getUint32(p, true) !== ENTRY)
      fail(`directory entry ${i} of ${count} is cut off or damaged`);
    const method = view.getUint16(p + 10, true);
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((o) =>
      view.getUint16(p + o, true),
    ) as [number, number, number];
    const next = p + ENTRY_BYTES + nameLength + extraLength + commentLength;
    if (next > bytes.length) fail(`directory entry ${i} of ${count} is cut off`);
    const name = new TextDecoder().decode(
      bytes.subarray(p + ENTRY_BYTES, p + ENTRY_BYTES + nameLength),
    );
    if (method !== 0 && method !== 8)
      fail(`${name} uses compression ${method}; stored and deflate are read`);
    if (view.getUint16(p + 8, true) & 1) fail(`${name} is encrypted`);
    if (name.startsWith("/") || name.includes("\\") || name.split("/").includes(".."))
      fail(`entry ${JSON.stringify(name)} points outside the archive`);
    if (seen.has(name)) fail(`entry ${JSON.stringify(name)} occurs twice`);
    seen.add(name);
    const extra = { view, from: p + ENTRY_BYTES + nameLength, to: next - commentLength };
    const fields = [24, 20, 42].map((o) => view.getUint32(p + o, true));
    const [size, packed, offset] = wideFields(extra, fields) as [number, number, number];
    if (offset + packed > dataEnd)
      fail(`${name} lies at bytes ${offset} to ${offset + packed} of ${dataEnd}`);
    if (method === 0 && packed !== size)
      fail(`${name} is stored, but its sizes ${packed} and ${size} differ`);
    out.push({ name, packed, size, crc: view.getUint32(p + 16, true) });
    p = next;
  }
  return out;
}

/** Fields of 0xffffffff take their 64-bit values from extra field 1, in order. */
function wideFields(
  extra: { view: DataView; from: number; to: number },
  fields: readonly number[],
): number[] {
  if (!fields.includes(0xffffffff)) return [...fields];
  for (let p = extra.from; p + 4 <= extra.to; ) {
    const id = extra.view.getUint16(p, true);
    const length = extra.view.getUint16(p + 2, true);
    if (id === 1) {
      let at = p + 4;
      const end = Math.min(extra.to, at + length);
      return fields.map((f) => {
        if (f !== 0xffffffff || at + 8 > end) return f;
        at += 8;
        return Number(extra.view.getBigUint64(at - 8, true));
      });
    }
    p += 4 + length;
  }
  return [...fields];
}
