/** NumPy's npy format, versions 1 to 3 (NumPy Enhancement Proposal 1). Types that NumPy lacks (bfloat16, fp8) are stored as `V2` and `V1`, as ml_dtypes stores them. */
import type { DType } from "@opentrn/numerics";
import { dtypeInfo } from "@opentrn/numerics";
import { type Literal, readLiteral, Tuple } from "../inputs/python-literal.ts";
import { type ByteSource, badFile } from "./byte-source.ts";
import {
  elementCount,
  isForeign,
  type StoredTensor,
  type StoredType,
  storedBytes,
  type TensorData,
} from "./tensor.ts";

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const MAX_HEADER = 2 ** 16;
const MAX_RANK = 32;

const readable: Readonly<Record<string, StoredType>> = {
  b1: "bool_",
  i1: "int8",
  u1: "uint8",
  i2: "int16",
  u2: "uint16",
  i4: "int32",
  u4: "uint32",
  i8: "int64",
  u8: "uint64",
  f2: "float16",
  f4: "float32",
  f8: "float64",
  V1: "opaque8",
  V2: "opaque16",
  V4: "opaque32",
};
const written: Readonly<Record<DType, string>> = {
  bool_: "|b1",
  int8: "|i1",
  uint8: "|u1",
  int16: "<i2",
  uint16: "<u2",
  int32: "<i4",
  uint32: "<u4",
  float8_e4m3: "|V1",
  float8_e4m3fn: "|V1",
  float8_e5m2: "|V1",
  float8_e8m0fnu: "|V1",
  float16: "<f2",
  bfloat16: "<V2",
  tfloat32: "<f4",
  float32: "<f4",
  float8_e4m3fn_x4: "<V4",
  float8_e5m2_x4: "<V4",
  float4_e2m1fn_x4: "<V2",
};

interface Header {
  readonly dtype: StoredType;
  readonly swapped: boolean;
  readonly fortran: boolean;
  readonly shape: readonly number[];
}

/** Reads an npy file; every field is checked against the file's size before anything is taken from it. */
export function readNpy(source: ByteSource): StoredTensor {
  const { name, size } = source;
  if (size < 12) throw badFile(name, "npy", `has ${size} bytes, an npy file has at least 12`);
  const start = source.read(0, 12);
  if (MAGIC.some((b, i) => start[i] !== b))
    throw badFile(name, "npy", "does not start with \\x93NUMPY, so it is no npy file");
  const version = start[6]!;
  if (version < 1 || version > 3)
    throw badFile(name, "npy", `is npy version ${version}, 1 to 3 are known`);
  const wide = version > 1;
  const view = new DataView(start.buffer, start.byteOffset);
  const length = wide ? view.getUint32(8, true) : view.getUint16(8, true);
  const from = wide ? 12 : 10;
  if (length > MAX_HEADER || from + length > size)
    throw badFile(
      name,
      "npy",
      `declares a header of ${length} bytes, at most ${Math.min(MAX_HEADER, size - from)} fit`,
    );
  const header = parseHeader(name, new TextDecoder().decode(source.read(from, length)));
  const expected = elementCount(header.shape) * storedBytes(header.dtype);
  const present = size - from - length;
  if (expected !== present)
    throw badFile(
      name,
      "npy",
      `shape (${header.shape.join(", ")}) of ${header.dtype} needs ${expected} bytes, the file holds ${present}`,
    );
  // A copy of its own, aligned and free to be changed.
  let bytes: Uint8Array = source.read(from + length, present).slice();
  if (header.swapped) bytes = swapBytes(bytes, storedBytes(header.dtype));
  if (header.fortran && header.shape.length > 1)
    bytes = toRowMajor(bytes, header.shape, storedBytes(header.dtype));
  return { dtype: header.dtype, shape: header.shape, bytes };
}

function parseHeader(name: string, text: string): Header {
  let value: Literal;
  try {
    value = readLiteral(text.trim());
  } catch (e) {
    throw badFile(name, "npy header", (e as Error).message);
  }
  const field = (key: string): Literal | undefined =>
    value instanceof Map ? value.get(key) : undefined;
  const descr = field("descr");
  const fortran = field("fortran_order");
  const shape = field("shape");
  if (Array.isArray(descr))
    throw badFile(name, "npy header", "holds a structured array; save one field as a plain array");
  if (typeof descr !== "string" || typeof fortran !== "boolean" || !(shape instanceof Tuple))
    throw badFile(name, "npy header", "lacks descr, fortran_order or shape");
  const kind = descr.slice(1);
  const dtype = Object.hasOwn(readable, kind) ? readable[kind] : undefined;
  if (dtype === undefined || !"<>|=".includes(descr[0]!))
    throw badFile(
      name,
      "npy header",
      `holds ${JSON.stringify(descr)} elements, which are not taken; save integers, booleans or floats`,
    );
  if (shape.items.length > MAX_RANK)
    throw badFile(name, "npy header", `has ${shape.items.length} dimensions, at most ${MAX_RANK}`);
  const dims = shape.items.map((d) => {
    if (typeof d !== "bigint" || d < 0n || d > 2n ** 40n)
      throw badFile(name, "npy header", `has dimension ${String(d)}; dimensions are 0 to 2^40`);
    return Number(d);
  });
  if (!Number.isSafeInteger(elementCount(dims) * 8))
    throw badFile(name, "npy header", `shape (${dims.join(", ")}) is larger than any file`);
  return { dtype, swapped: descr[0] === ">", fortran, shape: dims };
}

function swapBytes(bytes: Uint8Array, width: number): Uint8Array {
  const out = new Uint8Array(bytes.length);
  for (let i = 0; i < bytes.length; i += width)
    for (let b = 0; b < width; b++) out[i + b] = bytes[i + width - 1 - b]!;
  return out;
}

/** Fortran (column-major) order to C order. */
function toRowMajor(bytes: Uint8Array, shape: readonly number[], width: number): Uint8Array {
  const out = new Uint8Array(bytes.length);
  const index = shape.map(() => 0);
  const strides: number[] = [];
  let stride = width;
  for (const d of shape) {
    strides.push(stride);
    stride *= d;
  }
  for (let to = 0; to < bytes.length; to += width) {
    let from = 0;
    for (let k = 0; k < shape.length; k++) from += index[k]! * strides[k]!;
    for (let b = 0; b < width; b++) out[to + b] = bytes[from + b]!;
    for (let k = shape.length - 1; k >= 0; k--) {
      index[k]!++;
      if (index[k]! < shape[k]!) break;
      index[k] = 0;
    }
  }
  return out;
}

/** An npy file, version 1.0, C order, data aligned to 64 bytes. */
export function writeNpy(t: TensorData | StoredTensor): Uint8Array {
  const descr = isForeign(t.dtype) ? foreignDescr(t.dtype) : written[t.dtype];
  const shape = `(${t.shape.join(", ")}${t.shape.length === 1 ? "," : ""})`;
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }`;
  const padded = `${text.padEnd(Math.ceil((10 + text.length + 1) / 64) * 64 - 11)}\n`;
  const out = new Uint8Array(10 + padded.length + t.bytes.length);
  out.set(MAGIC);
  out[6] = 1;
  new DataView(out.buffer).setUint16(8, padded.length, true);
  out.set(new TextEncoder().encode(padded), 10);
  out.set(t.bytes, 10 + padded.length);
  return out;
}

const foreignDescr = (d: StoredType): string =>
  ({ float64: "<f8", int64: "<i8", uint64: "<u8" })[d as string] ?? `|V${storedBytes(d)}`;

/** True where an npy file alone cannot tell the type: NumPy has no name for it. */
export const losesTypeInNpy = (d: DType): boolean =>
  written[d].includes("V") || dtypeInfo[d].kind === "packed" || d === "tfloat32";
