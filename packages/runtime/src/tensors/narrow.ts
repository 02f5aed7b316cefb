/** Rounding many values to a stored type: the integer form of `numerics.encode` for ordinary values, encode itself for the rest. */
import { type DType, dtypeInfo, encode } from "@opentrn/numerics";

const f32 = new Float32Array(1);
const u32 = new Uint32Array(f32.buffer);

/** Returns the function that gives the bits of `x`, taken as fp32 first as every engine does. Equal to `encode(fround(x), dtype)`. */
export function narrower(dtype: DType): (x: number) => number {
  const { kind, bytes, exponent: e = 0, mantissa: m = 0, special } = dtypeInfo[dtype];
  const exact = (x: number): number => encode(Math.fround(x), dtype);
  if (kind === "int" || kind === "uint") return (x) => encode(x, dtype);
  // float32 needs no rounding, tfloat32 keeps its place in a 32-bit word, and a scale has no mantissa.
  if (kind !== "float" || special === "e8m0" || 1 + e + m !== 8 * bytes || m >= 23) return exact;
  const shift = 23 - m;
  const bias = 2 ** (e - 1) - 1;
  const rebias = (127 - bias) * 2 ** m;
  const signBit = 2 ** (e + m);
  const half = 2 ** (shift - 1) - 1;
  // Exponent fields of fp32 that stay normal and finite in the narrow type, whichever way the mantissa rounds.
  const low = 127 - bias + 1;
  const high = 127 - bias + 2 ** e - 3;
  return (x) => {
    f32[0] = x;
    const bits = u32[0]!;
    const field = (bits >>> 23) & 255;
    if (field < low || field > high) return exact(x);
    const magnitude = bits & 0x7fffffff;
    const rounded = (magnitude + half + ((magnitude >>> shift) & 1)) >>> shift;
    const sign = (bits >>> 31) * signBit;
    return sign + rounded - rebias;
  };
}
