/**
 * Exact conversion between fp32 and every stored type. Reads up-convert, writes round to nearest even (floats) or round to
 * nearest even and saturate (integers, as NKI 0.6 documents). This file is the oracle: the fast kernels must equal it bit for bit.
 */
import { OpenTrnError } from "@opentrn/base";
import { type DType, type DTypeInfo, dtypeInfo } from "./dtype.ts";

const f32 = new Float32Array(1);
const u32 = new Uint32Array(f32.buffer);

/** The bit pattern of an fp32 value. NaN payloads survive only as far as the host keeps them; every NaN we make is 0x7fc00000. */
export const bitsOfF32 = (x: number): number => {
  f32[0] = x;
  return u32[0]!;
};
/** The fp32 value of a bit pattern. */
export const f32OfBits = (bits: number): number => {
  u32[0] = bits >>> 0;
  return f32[0]!;
};

/** 2^e for integer e, exact, also where the result is a subnormal double. */
const pow2 = (e: number): number => 2 ** e;

function decodeFloat(bits: number, t: DTypeInfo): number {
  const m = t.mantissa!;
  const e = t.exponent!;
  if (t.special === "e8m0") return bits === 255 ? Number.NaN : pow2(bits - 127);
  const bias = 2 ** (e - 1) - 1;
  const sign = (bits >>> (e + m)) & 1 ? -1 : 1;
  const exp = (bits >>> m) & (2 ** e - 1);
  const man = bits & (2 ** m - 1);
  const top = 2 ** e - 1;
  if (exp === top) {
    if (t.special === "ieee") return man === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
    if (man === 2 ** m - 1) return Number.NaN;
  }
  return exp === 0 ? sign * man * pow2(1 - bias - m) : sign * (1 + man / 2 ** m) * pow2(exp - bias);
}

/** Rounds half to even; |x| must be below 2^52. */
const roundEven = (x: number): number => {
  const f = Math.floor(x);
  const d = x - f;
  return d > 0.5 || (d === 0.5 && f % 2 !== 0) ? f + 1 : f;
};

function encodeFloat(x: number, t: DTypeInfo): number {
  const m = t.mantissa!;
  const e = t.exponent!;
  if (t.special === "e8m0") return encodeScale(x);
  const bias = 2 ** (e - 1) - 1;
  const top = 2 ** e - 1;
  const nan = t.special === "ieee" ? top * 2 ** m + 2 ** (m - 1) : top * 2 ** m + (2 ** m - 1);
  if (Number.isNaN(x)) return nan;
  const sign = x < 0 || Object.is(x, -0) ? 2 ** (e + m) : 0;
  const a = Math.abs(x);
  const infinity = t.special === "ieee" ? sign + top * 2 ** m : sign + nan;
  if (a === Number.POSITIVE_INFINITY) return infinity;
  if (a === 0) return sign;
  const exp = Math.max(Math.floor(Math.log2(a)), -1000);
  // log2 may be off by one next to a power of two; settle it exactly.
  const exact = pow2(exp) > a ? exp - 1 : pow2(exp + 1) <= a ? exp + 1 : exp;
  const unbiased = Math.max(exact, 1 - bias);
  const units = roundEven(a / pow2(unbiased - m));
  // units counts mantissa steps from zero of this binade; carrying into the next binade is the same addition.
  const pattern = unbiased === 1 - bias ? units : (unbiased + bias) * 2 ** m + (units - 2 ** m);
  const largest = t.special === "ieee" ? top * 2 ** m - 1 : top * 2 ** m + (2 ** m - 2);
  return pattern > largest ? infinity : sign + pattern;
}

/** Power-of-two scale with 8 exponent bits: nearest power of two (ties to the larger), NaN for what has none. */
function encodeScale(x: number): number {
  if (!(x > 0) || x === Number.POSITIVE_INFINITY) return 255;
  const e = Math.floor(Math.log2(x));
  const up = x / pow2(e) >= 1.5 ? e + 1 : e;
  return Math.min(254, Math.max(0, up + 127));
}

const limits = (t: DTypeInfo): readonly [number, number] =>
  t.kind === "int"
    ? [-(2 ** (8 * t.bytes - 1)), 2 ** (8 * t.bytes - 1) - 1]
    : [0, 2 ** (8 * t.bytes) - 1];

/** fp32 to integer: nearest even, saturating; NaN becomes 0 (our choice, see docs/deviations.md). Returns the two's-complement bits. */
function encodeInteger(x: number, t: DTypeInfo): number {
  if (Number.isNaN(x)) return 0;
  const [lo, hi] = limits(t);
  const v = x <= lo ? lo : x >= hi ? hi : roundEven(x);
  return t.kind === "int" && v < 0 ? v + 2 ** (8 * t.bytes) : v;
}

const decodeInteger = (bits: number, t: DTypeInfo): number =>
  t.kind === "int" && bits >= 2 ** (8 * t.bytes - 1) ? bits - 2 ** (8 * t.bytes) : bits;

const packed = (d: DType): never => {
  throw new OpenTrnError(
    `${d} is a packed type: it can be moved and multiplied (MX), not converted`,
    {
      category: "unsupported here",
    },
  );
};

/** The integer value of raw bits of an integer type (exact), without going through fp32. */
export const integerOf = (bits: number, d: DType): number => decodeInteger(bits, dtypeInfo[d]);

/** The fp32 value that an engine reads from the raw (zero-extended) bits of type `d`. 32-bit integers round to fp32. */
export function decode(bits: number, d: DType): number {
  const t = dtypeInfo[d];
  if (d === "float32") return f32OfBits(bits);
  if (d === "tfloat32") return f32OfBits(bits & 0xffffe000);
  if (t.kind === "float") return decodeFloat(bits, t);
  if (t.kind === "packed") return packed(d);
  return Math.fround(decodeInteger(bits, t));
}

/** The raw bits that an engine writes when it stores the fp32 value `x` as type `d`. */
export function encode(x: number, d: DType): number {
  const t = dtypeInfo[d];
  if (d === "float32") return Number.isNaN(x) ? 0x7fc00000 : bitsOfF32(x);
  if (d === "bfloat16" && Math.fround(x) === x) return encodeBf16(x);
  if (d === "tfloat32") return encodeTf32(x);
  if (d === "bool_") return x === 0 ? 0 : 1;
  if (t.kind === "float") return encodeFloat(x, t);
  if (t.kind === "packed") return packed(d);
  return encodeInteger(x, t);
}

/** bfloat16 is the upper half of fp32: one addition rounds to nearest even, carries and overflow included. */
function encodeBf16(x: number): number {
  const bits = bitsOfF32(x);
  return (bits & 0x7f800000) === 0x7f800000
    ? bits >>> 16
    : ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

function encodeTf32(x: number): number {
  if (Number.isNaN(x)) return 0x7fc00000;
  const bits = bitsOfF32(x);
  if ((bits & 0x7f800000) === 0x7f800000) return bits;
  return ((bits + 0xfff + ((bits >>> 13) & 1)) & 0xffffe000) >>> 0;
}

/** `x` rounded to type `d` and read back: what survives a store and a load. */
export const roundTo = (x: number, d: DType): number => decode(encode(x, d), d);
