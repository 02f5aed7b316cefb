/** Constants of the IR: the number they repeat, or their bytes. */
import type { Value } from "@opentrn/ir";
import { bytesOf, type DType, encode, isFloat } from "@opentrn/numerics";

/** The number that all elements of a constant are. */
export function numberOf(v: Value): number | undefined {
  const value = v.op.name === "constant" ? v.op.attrs["value"] : undefined;
  return typeof value === "number" ? value : undefined;
}

/** Row-major bytes, little-endian. */
export function bytesOfNumbers(data: ArrayLike<number>, dtype: DType): Uint8Array {
  const width = bytesOf(dtype);
  const view = new DataView(new ArrayBuffer(data.length * width));
  for (let i = 0; i < data.length; i++) {
    const bits = isFloat(dtype) ? encode(data[i]!, dtype) : data[i]!;
    if (width === 1) view.setUint8(i, bits);
    else if (width === 2) view.setUint16(2 * i, bits, true);
    else view.setUint32(4 * i, bits, true);
  }
  return new Uint8Array(view.buffer);
}
