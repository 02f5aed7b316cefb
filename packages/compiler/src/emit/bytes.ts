/** Numbers to the bytes a tensor has in HBM, and back. */
import { type Data, isFloatType, type Tensor, type TensorType } from "@opentrn/ir";
import { bytesOf, decode, encode, integerOf } from "@opentrn/numerics";

/** Row-major little-endian bytes; floats must be values that the type holds. */
export function bytesOfTensor({ type, data }: Tensor): Uint8Array {
  if (type.dtype === "float32" && data instanceof Float32Array)
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  const width = bytesOf(type.dtype);
  const bytes = new Uint8Array(data.length * width);
  const view = new DataView(bytes.buffer);
  const float = isFloatType(type);
  for (let i = 0; i < data.length; i++) {
    const bits = float ? encode(data[i]!, type.dtype) : data[i]!;
    if (width === 1) view.setUint8(i, bits);
    else if (width === 2) view.setUint16(2 * i, bits, true);
    else view.setUint32(4 * i, bits, true);
  }
  return bytes;
}

/** The numbers in those bytes. */
export function valuesOfBytes(type: TensorType, bytes: Uint8Array): Float64Array {
  const width = bytesOf(type.dtype);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const float = isFloatType(type);
  const out = new Float64Array(bytes.byteLength / width);
  for (let i = 0; i < out.length; i++) {
    const bits =
      width === 1
        ? view.getUint8(i)
        : width === 2
          ? view.getUint16(2 * i, true)
          : view.getUint32(4 * i, true);
    out[i] = float ? decode(bits, type.dtype) : integerOf(bits, type.dtype);
  }
  return out;
}

/** A constant of a function as bytes: all elements, or the one that they share. */
export function constantBytes(
  type: TensorType,
  value: number | ArrayLike<number>,
): { readonly bytes: Uint8Array; readonly splat: boolean } {
  const splat = typeof value === "number";
  const data = Float64Array.from(splat ? [value] : value) as Data;
  return { bytes: bytesOfTensor({ type, data }), splat };
}
