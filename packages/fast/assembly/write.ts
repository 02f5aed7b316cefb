// From fp32 to every stored type: what an engine does when it writes. Nearest even; integers saturate; NaN becomes the type's one NaN.
import { chunkAt, tailAt } from "./layout";
import { Operand, here, seek } from "./operand";
import { copyBytes, scatter } from "./move";
import { canonical, constant, isNumber, magnitude, nan, signBits } from "./vector";
import {
  DT_bfloat16, DT_bool_, DT_float16, DT_float32, DT_float8_e4m3, DT_float8_e4m3fn, DT_float8_e5m2, DT_float8_e8m0fnu,
  DT_int16, DT_int32, DT_int8, DT_tfloat32, DT_uint16, DT_uint32, DT_uint8, I_brainHalf, I_brainNan, I_int1, I_tf32Half, I_tf32Mask,
} from "../generated/tables";

/**
 * A float of `m` mantissa bits whose exponent bias is 127 - `shift`. Normal results round by integer addition on the bits; subnormal ones by
 * a float addition that leaves the rounded pattern in the low bits. `over` is the pattern from which on every result is `over`.
 */
@inline function narrow(x: v128, m: i32, shift: i32, signShift: i32, over: i32, nan: i32): v128 {
  const a = magnitude(x);
  const odd = v128.and(i32x4.shr_u(a, 23 - m), i32x4.splat(1));
  const half = i32x4.splat((1 << (22 - m)) - 1 - (shift << 23));
  const normal = i32x4.shr_s(i32x4.add(i32x4.add(a, half), odd), 23 - m);
  // 2^(1 - bias) is the smallest normal; one unit in the last place of `magic` is the spacing of the subnormals.
  const smallest = i32x4.splat((shift + 1) << 23);
  const magic = i32x4.splat((shift + 1 + 23 - m) << 23);
  const subnormal = i32x4.sub(f32x4.add(a, magic), magic);
  const pattern = v128.bitselect(subnormal, normal, i32x4.lt_s(a, smallest));
  const signed = v128.or(i32x4.min_s(pattern, i32x4.splat(over)), i32x4.shr_u(signBits(x), signShift));
  return v128.bitselect(signed, i32x4.splat(nan), isNumber(x));
}

/** Rounds off the low 16 bits of a number. */
@inline function brain(x: v128): v128 {
  const odd = v128.and(i32x4.shr_u(x, 16), constant(I_int1));
  return i32x4.shr_u(i32x4.add(i32x4.add(x, constant(I_brainHalf)), odd), 16);
}
@inline function integer(x: v128): v128 { return i32x4.trunc_sat_f32x4_s(f32x4.nearest(x)); }

// One class a type: four values as patterns in the low bits of each lane, ready for a saturating narrowing.
@unmanaged class BFloat16 { @inline of(x: v128): v128 { return v128.bitselect(brain(x), constant(I_brainNan), isNumber(x)); } }
@unmanaged class Float16 { @inline of(x: v128): v128 { return narrow(x, 10, 112, 16, 0x7c00, 0x7e00); } }
@unmanaged class E4M3 { @inline of(x: v128): v128 { return narrow(x, 3, 120, 24, 0x78, 0x7c); } }
@unmanaged class E4M3FN { @inline of(x: v128): v128 { return narrow(x, 3, 120, 24, 0x7f, 0x7f); } }
@unmanaged class E5M2 { @inline of(x: v128): v128 { return narrow(x, 2, 112, 24, 0x7c, 0x7e); } }
/** The power of two nearest to x > 0 (ties up), as its exponent field; 255 for what has none. */
@unmanaged class E8M0 {
  @inline of(x: v128): v128 {
    const normal = i32x4.min_s(i32x4.shr_u(i32x4.add(x, i32x4.splat(0x00400000)), 23), i32x4.splat(254));
    const subnormal = v128.and(i32x4.ge_s(x, i32x4.splat(0x00600000)), i32x4.splat(1));
    const pattern = v128.bitselect(subnormal, normal, i32x4.lt_s(x, i32x4.splat(0x00800000)));
    // As integers, positive finite values are exactly those in 1 .. 0x7f7fffff.
    const fine = v128.and(i32x4.gt_s(x, i32x4.splat(0)), i32x4.lt_s(x, i32x4.splat(0x7f800000)));
    return v128.bitselect(pattern, i32x4.splat(255), fine);
  }
}
@unmanaged class Bool { @inline of(x: v128): v128 { return v128.and(f32x4.ne(x, f32x4.splat(0)), i32x4.splat(1)); } }
@unmanaged class Int { @inline of(x: v128): v128 { return integer(x); } }
@unmanaged class Uint32 { @inline of(x: v128): v128 { return i32x4.trunc_sat_f32x4_u(f32x4.nearest(x)); } }
@unmanaged class Float32 { @inline of(x: v128): v128 { return canonical(x); } }
@unmanaged class TFloat32 {
  @inline of(x: v128): v128 {
    const odd = v128.and(i32x4.shr_u(x, 13), constant(I_int1));
    const rounded = v128.and(i32x4.add(i32x4.add(x, constant(I_tf32Half)), odd), constant(I_tf32Mask));
    return v128.bitselect(rounded, nan(), isNumber(x));
  }
}

/** bfloat16 with a short way for eight values none of which is NaN. */
function brains(src: usize, dst: usize, n: i32): void {
  for (; n > 0; n -= 8) {
    const a = v128.load(src);
    const b = v128.load(src, 16);
    if (i32x4.bitmask(v128.and(isNumber(a), isNumber(b))) == 15) v128.store(dst, i16x8.narrow_i32x4_u(brain(a), brain(b)));
    else v128.store(dst, i16x8.narrow_i32x4_u(changetype<BFloat16>(0).of(a), changetype<BFloat16>(0).of(b)));
    src += 32;
    dst += 16;
  }
}

@inline function words<Type>(src: usize): v128 {
  return i16x8.narrow_i32x4_s(changetype<Type>(0).of(v128.load(src)), changetype<Type>(0).of(v128.load(src, 16)));
}
function bytes1<Type>(src: usize, dst: usize, n: i32): void {
  for (; n > 0; n -= 8) {
    const v = words<Type>(src);
    v128.store_lane<u64>(dst, i8x16.narrow_i16x8_u(v, v), 0);
    src += 32;
    dst += 8;
  }
}
function signed1<Type>(src: usize, dst: usize, n: i32): void {
  for (; n > 0; n -= 8) {
    const v = words<Type>(src);
    v128.store_lane<u64>(dst, i8x16.narrow_i16x8_s(v, v), 0);
    src += 32;
    dst += 8;
  }
}
function bytes2<Type>(src: usize, dst: usize, n: i32): void {
  for (; n > 0; n -= 8) {
    const low = changetype<Type>(0).of(v128.load(src));
    const high = changetype<Type>(0).of(v128.load(src, 16));
    v128.store(dst, i16x8.narrow_i32x4_u(low, high));
    src += 32;
    dst += 16;
  }
}
function signed2<Type>(src: usize, dst: usize, n: i32): void {
  for (; n > 0; n -= 8) {
    v128.store(dst, words<Type>(src));
    src += 32;
    dst += 16;
  }
}
function bytes4<Type>(src: usize, dst: usize, n: i32): void {
  for (; n > 0; n -= 8) {
    v128.store(dst, changetype<Type>(0).of(v128.load(src)));
    v128.store(dst, changetype<Type>(0).of(v128.load(src, 16)), 16);
    src += 32;
    dst += 32;
  }
}

/** n (a multiple of 8) packed elements. */
function blocks(dtype: i32, src: usize, dst: usize, n: i32): void {
  switch (dtype) {
    case DT_float32: { bytes4<Float32>(src, dst, n); return; }
    case DT_bfloat16: { brains(src, dst, n); return; }
    case DT_float16: { bytes2<Float16>(src, dst, n); return; }
    case DT_int16: { signed2<Int>(src, dst, n); return; }
    case DT_uint16: { bytes2<Int>(src, dst, n); return; }
    case DT_float8_e4m3: { bytes1<E4M3>(src, dst, n); return; }
    case DT_float8_e4m3fn: { bytes1<E4M3FN>(src, dst, n); return; }
    case DT_float8_e5m2: { bytes1<E5M2>(src, dst, n); return; }
    case DT_float8_e8m0fnu: { bytes1<E8M0>(src, dst, n); return; }
    case DT_int8: { signed1<Int>(src, dst, n); return; }
    case DT_uint8: { bytes1<Int>(src, dst, n); return; }
    case DT_bool_: { bytes1<Bool>(src, dst, n); return; }
    case DT_int32: { bytes4<Int>(src, dst, n); return; }
    case DT_uint32: { bytes4<Uint32>(src, dst, n); return; }
    case DT_tfloat32: { bytes4<TFloat32>(src, dst, n); return; }
  }
}

/** n fp32 values at `src` as packed elements at `dst`; neither is touched beyond element n - 1. */
export function fromFp32(dtype: i32, bytes: i32, src: usize, dst: usize, n: i32): void {
  const body = n & ~7;
  blocks(dtype, src, dst, body);
  const rest = n & 7;
  if (rest == 0) return;
  copyBytes(tailAt(0), src + (<usize>body << 2), <usize>rest << 2);
  blocks(dtype, tailAt(0), tailAt(1), 8);
  copyBytes(dst + body * bytes, tailAt(1), <usize>rest * bytes);
}

/** Where to compute elements e .. e + n - 1 of `op`: in place for fp32 that lies packed, else in `buffer`. */
export function target(op: Operand, e: u32, n: i32, buffer: usize): usize {
  if (op.dtype != DT_float32 || op.step != 4) return buffer;
  seek(op, e);
  return op.within + n <= op.run ? here(op) : buffer;
}

/** Rounds and stores the fp32 values at `src` as elements e .. e + n - 1 of `op`. Uses chunk buffer 7. */
export function commit(op: Operand, e: u32, n: i32, src: usize): void {
  seek(op, e);
  const bytes = op.bytes;
  const dtype = op.dtype;
  if (op.step == bytes && op.within + n <= op.run) {
    fromFp32(dtype, bytes, src, here(op), n);
    return;
  }
  const packed = chunkAt(7);
  fromFp32(dtype, bytes, src, packed, n);
  scatter(op, e, n, packed);
}
