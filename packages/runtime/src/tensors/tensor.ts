/** Tensors as they pass between files, kernels and reports: a type, a shape and raw little-endian bytes in C order. */
import { OpenTrnError } from "@opentrn/base";
import { type DType, decode, dtypeInfo, integerOf } from "@opentrn/numerics";
import { narrower } from "./narrow.ts";

/** A tensor in one of the chip's own types. */
export interface TensorData {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** `bytesOf(dtype) * product(shape)` bytes, little-endian, C order. */
  readonly bytes: Uint8Array;
}

/** Types that files hold and the chip does not compute with; `opaque` ones are bits whose type the file does not name. */
export const foreignTypes = {
  float64: { bytes: 8 },
  int64: { bytes: 8 },
  uint64: { bytes: 8 },
  opaque8: { bytes: 1 },
  opaque16: { bytes: 2 },
  opaque32: { bytes: 4 },
} as const;
export type ForeignType = keyof typeof foreignTypes;
export type StoredType = DType | ForeignType;

/** A tensor as a file stores it. */
export interface StoredTensor {
  readonly dtype: StoredType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

export const isForeign = (d: StoredType): d is ForeignType => d in foreignTypes;
export const storedBytes = (d: StoredType): number =>
  isForeign(d) ? foreignTypes[d].bytes : dtypeInfo[d].bytes;

/** Number of elements; 1 for a scalar's empty shape. */
export const elementCount = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

/** Reads raw element bits (zero-extended) or, for 64-bit types, nothing: those go through `valuesOf`. */
function bitReader(bytes: Uint8Array, width: number): (i: number) => number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (width === 1) return (i) => view.getUint8(i);
  if (width === 2) return (i) => view.getUint16(2 * i, true);
  return (i) => view.getUint32(4 * i, true);
}

const wideReaders: Readonly<
  Record<"float64" | "int64" | "uint64", (v: DataView, i: number) => number>
> = {
  float64: (v, i) => v.getFloat64(8 * i, true),
  int64: (v, i) => Number(v.getBigInt64(8 * i, true)),
  uint64: (v, i) => Number(v.getBigUint64(8 * i, true)),
};

/** Every element as a double; throws `bad input` for bits of unnamed type and packed types. */
export function valuesOf(t: StoredTensor): Float64Array {
  const n = elementCount(t.shape);
  const out = new Float64Array(n);
  const d = t.dtype;
  if (d === "float64" || d === "int64" || d === "uint64") {
    const view = new DataView(t.bytes.buffer, t.bytes.byteOffset, t.bytes.byteLength);
    const read = wideReaders[d];
    for (let i = 0; i < n; i++) out[i] = read(view, i);
    return out;
  }
  if (isForeign(d))
    throw new OpenTrnError(
      `the file holds ${8 * foreignTypes[d].bytes}-bit elements of unnamed type; name it after the file, e.g. @file.npy:bfloat16`,
      { category: "bad input", rule: "tensor type" },
    );
  const { kind, bytes: width } = dtypeInfo[d];
  const bits = bitReader(t.bytes, width);
  if (kind === "float" && width <= 2) {
    const table = Float64Array.from({ length: 2 ** (8 * width) }, (_, b) => decode(b, d));
    for (let i = 0; i < n; i++) out[i] = table[bits(i)]!;
  } else if (kind === "float") for (let i = 0; i < n; i++) out[i] = decode(bits(i), d);
  else if (kind === "packed") decode(0, d);
  else for (let i = 0; i < n; i++) out[i] = integerOf(bits(i), d);
  return out;
}

/** Rounds values into a tensor of `dtype` as the chip stores them: through fp32, nearest even; integers directly, saturating. */
export function tensorOf(
  dtype: DType,
  shape: readonly number[],
  values: ArrayLike<number>,
): TensorData {
  const n = elementCount(shape);
  const width = dtypeInfo[dtype].bytes;
  const buffer = new ArrayBuffer(n * width);
  if (dtype === "float32") {
    const f = new Float32Array(buffer);
    for (let i = 0; i < n; i++) f[i] = values[i]!;
  } else {
    const out =
      width === 1
        ? new Uint8Array(buffer)
        : width === 2
          ? new Uint16Array(buffer)
          : new Uint32Array(buffer);
    const bitsOf = narrower(dtype);
    for (let i = 0; i < n; i++) out[i] = bitsOf(values[i]!);
  }
  return { dtype, shape, bytes: new Uint8Array(buffer) };
}

/**
 * A stored tensor as one of the chip's types. Without `dtype` the file's own type must be one of them; with it the values are
 * rounded (or, for bits of unnamed type of the same width, taken as they are).
 */
export function chipTensor(t: StoredTensor, dtype: DType | undefined, what: string): TensorData {
  if (dtype === undefined) {
    if (!isForeign(t.dtype)) return { ...t, dtype: t.dtype };
    const hint = t.dtype.startsWith("opaque")
      ? "say which type it is"
      : "the chip has no 64-bit types; say which type to round to";
    throw new OpenTrnError(
      `${what} holds ${t.dtype} elements; ${hint}, e.g. ${what}:${t.dtype === "float64" ? "float32" : t.dtype === "opaque16" ? "bfloat16" : t.dtype === "opaque8" ? "float8_e4m3" : "int32"}`,
      { category: "bad input", rule: "tensor type" },
    );
  }
  if (t.dtype === dtype) return { ...t, dtype };
  if (t.dtype.startsWith("opaque") || dtypeInfo[dtype].kind === "packed") {
    if (storedBytes(t.dtype) !== dtypeInfo[dtype].bytes)
      throw new OpenTrnError(
        `${what} holds ${storedBytes(t.dtype)}-byte elements, ${dtype} has ${dtypeInfo[dtype].bytes}; name a type of that width`,
        { category: "bad input", rule: "tensor type" },
      );
    return { ...t, dtype };
  }
  return tensorOf(dtype, t.shape, valuesOf(t));
}
