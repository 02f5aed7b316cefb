/** The safetensors format: an 8-byte length, a JSON header, then the tensors' bytes without gaps or overlaps. */
import type { DType } from "@opentrn/numerics";
import { type ByteSource, badFile } from "./byte-source.ts";
import { listKeys } from "./npz.ts";
import {
  elementCount,
  type StoredTensor,
  type StoredType,
  storedBytes,
  type TensorData,
} from "./tensor.ts";

const MAX_HEADER = 100_000_000;

const readable: Readonly<Record<string, StoredType>> = {
  BOOL: "bool_",
  U8: "uint8",
  I8: "int8",
  U16: "uint16",
  I16: "int16",
  U32: "uint32",
  I32: "int32",
  U64: "uint64",
  I64: "int64",
  F8_E4M3: "float8_e4m3fn",
  F8_E5M2: "float8_e5m2",
  F8_E8M0: "float8_e8m0fnu",
  F16: "float16",
  BF16: "bfloat16",
  F32: "float32",
  F64: "float64",
};
/** Types without a name of their own are stored as bits and named in `__metadata__` under `opentrn.dtype.<tensor>`. */
const written: Readonly<Record<DType, string>> = {
  bool_: "BOOL",
  int8: "I8",
  uint8: "U8",
  int16: "I16",
  uint16: "U16",
  int32: "I32",
  uint32: "U32",
  float8_e4m3: "U8",
  float8_e4m3fn: "F8_E4M3",
  float8_e5m2: "F8_E5M2",
  float8_e8m0fnu: "F8_E8M0",
  float16: "F16",
  bfloat16: "BF16",
  tfloat32: "F32",
  float32: "F32",
  float8_e4m3fn_x4: "U32",
  float8_e5m2_x4: "U32",
  float4_e2m1fn_x4: "U16",
};
const metadataKey = (name: string): string => `opentrn.dtype.${name}`;

interface Entry {
  readonly dtype: StoredType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** The header, checked: known types, sizes that follow from shapes, ranges that tile the data exactly. */
export function safetensorsHeader(source: ByteSource): {
  data: number;
  tensors: Map<string, Entry>;
} {
  const { name, size } = source;
  const fail = (why: string): never => {
    throw badFile(name, "safetensors", why);
  };
  if (size < 8) fail(`has ${size} bytes, the header length alone takes 8`);
  const first = source.read(0, 8);
  const length = new DataView(first.buffer, first.byteOffset).getBigUint64(0, true);
  if (length > BigInt(Math.min(MAX_HEADER, size - 8)))
    fail(
      `declares a header of ${length} bytes, at most ${Math.min(MAX_HEADER, size - 8)} fit; it is cut off or no safetensors file`,
    );
  const data = 8 + Number(length);
  let header: unknown;
  try {
    header = JSON.parse(
      new TextDecoder("utf-8", { fatal: true }).decode(source.read(8, Number(length))),
    );
  } catch (e) {
    fail(`its header is no JSON (${(e as Error).message})`);
  }
  if (typeof header !== "object" || header === null || Array.isArray(header))
    fail("its header is no JSON object");
  const record = header as Record<string, unknown>;
  const { __metadata__: named } = record;
  const metadata = (named ?? {}) as Record<string, unknown>;
  const tensors = new Map<string, Entry>();
  for (const [key, value] of Object.entries(record))
    if (key !== "__metadata__")
      tensors.set(key, entry(key, value, metadata[metadataKey(key)], fail));
  checkTiling(tensors, size - data, fail);
  return { data, tensors };
}

function entry(key: string, value: unknown, named: unknown, fail: (why: string) => never): Entry {
  const { dtype, shape, data_offsets: range } = (value ?? {}) as Record<string, unknown>;
  const type =
    typeof dtype === "string" && Object.hasOwn(readable, dtype) ? readable[dtype] : undefined;
  if (type === undefined)
    fail(
      `tensor ${key} has type ${JSON.stringify(dtype)}; known are ${Object.keys(readable).join(", ")}`,
    );
  const naturals = (v: unknown): v is number[] =>
    Array.isArray(v) && v.every((n) => Number.isSafeInteger(n) && n >= 0);
  if (!naturals(shape)) fail(`tensor ${key} has shape ${JSON.stringify(shape)}`);
  if (!naturals(range) || range.length !== 2 || range[0]! > range[1]!)
    fail(`tensor ${key} has data_offsets ${JSON.stringify(range)}`);
  const bytes = elementCount(shape) * storedBytes(type);
  const [begin, end] = range as [number, number];
  if (end - begin !== bytes)
    fail(
      `tensor ${key}: shape [${shape}] of ${dtype} needs ${bytes} bytes, its range has ${end - begin}`,
    );
  const own = typeof named === "string" && Object.hasOwn(written, named) ? (named as DType) : type;
  return { dtype: storedBytes(own) === storedBytes(type) ? own : type, shape, begin, end };
}

function checkTiling(
  tensors: ReadonlyMap<string, Entry>,
  bytes: number,
  fail: (why: string) => never,
): void {
  let at = 0;
  const byPlace = [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  for (const [key, e] of byPlace) {
    if (e.end > bytes) fail(`tensor ${key} ends at byte ${e.end} of ${bytes}; the file is cut off`);
    if (e.begin < at) fail(`tensor ${key} starts at byte ${e.begin}, inside the one before it`);
    if (e.begin > at) fail(`bytes ${at} to ${e.begin} before tensor ${key} belong to no tensor`);
    at = e.end;
  }
  if (at !== bytes) fail(`its tensors take ${at} bytes, the file holds ${bytes}`);
}

export const safetensorsKeys = (source: ByteSource): string[] => [
  ...safetensorsHeader(source).tensors.keys(),
];

/** Reads one tensor (the only one where `key` is left out) without reading the rest of the file. */
export function readSafetensors(source: ByteSource, key?: string): StoredTensor {
  const { data, tensors } = safetensorsHeader(source);
  const keys = [...tensors.keys()];
  if (key === undefined && keys.length !== 1)
    throw badFile(
      source.name,
      "safetensors",
      `holds ${keys.length} tensors; name one: @${source.name}#NAME with NAME of ${listKeys(keys)}`,
    );
  const found = tensors.get(key ?? keys[0]!);
  if (found === undefined)
    throw badFile(
      source.name,
      "safetensors",
      `has no tensor ${JSON.stringify(key)}; it has ${listKeys(keys)}`,
    );
  const bytes = source.read(data + found.begin, found.end - found.begin).slice();
  return { dtype: found.dtype, shape: found.shape, bytes };
}

/** A safetensors file; wider types first, so that every tensor is aligned. `notes` go into its metadata. */
export function writeSafetensors(
  tensors: Readonly<Record<string, TensorData>>,
  notes: Readonly<Record<string, string>> = {},
): Uint8Array {
  const order = Object.entries(tensors).sort(
    ([a, x], [b, y]) => storedBytes(y.dtype) - storedBytes(x.dtype) || (a < b ? -1 : 1),
  );
  const header: Record<string, unknown> = {};
  const metadata: Record<string, string> = { ...notes };
  let at = 0;
  for (const [key, t] of order) {
    const dtype = written[t.dtype];
    if (readable[dtype] !== t.dtype) metadata[metadataKey(key)] = t.dtype;
    header[key] = { dtype, shape: t.shape, data_offsets: [at, at + t.bytes.length] };
    at += t.bytes.length;
  }
  const named = Object.keys(metadata).length > 0 ? { __metadata__: metadata, ...header } : header;
  const text = JSON.stringify(named);
  const json = new TextEncoder().encode(text);
  const length = Math.ceil(json.length / 8) * 8;
  const out = new Uint8Array(8 + length + at).fill(0x20, 8, 8 + length);
  new DataView(out.buffer).setBigUint64(0, BigInt(length), true);
  out.set(json, 8);
  let to = 8 + length;
  for (const [, t] of order) {
    out.set(t.bytes, to);
    to += t.bytes.length;
  }
  return out;
}
