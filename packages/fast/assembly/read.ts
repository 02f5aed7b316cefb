// From every stored type to fp32: what an engine does when it reads. Exact except for 32-bit integers, which round to nearest even.
import { chunkAt, tailAt } from "./layout";
import { Operand, here, seek } from "./operand";
import { copyBytes, gather } from "./move";
import {
  DT_bfloat16, DT_bool_, DT_float16, DT_float32, DT_float8_e4m3, DT_float8_e4m3fn, DT_float8_e5m2, DT_float8_e8m0fnu,
  DT_int16, DT_int32, DT_int8, DT_tfloat32, DT_uint16, DT_uint32, DT_uint8,
} from "../generated/tables";

/** Whether values of the type can become fp32: all but the packed ones. */
@inline export function readable(dtype: i32): bool { return dtype <= DT_float32; }

/**
 * A float of `m` mantissa bits whose exponent bias is 127 - `shift`, in the low bits of each lane, as fp32. The bits moved into place are
 * a float 2^shift too small, subnormals included, so one exact multiplication finishes. `top` is the magnitude from which on the pattern
 * is infinity or NaN; `fill` completes its exponent.
 */
@inline function widen(bits: v128, signShift: i32, mask: i32, m: i32, shift: i32, top: i32, fill: i32): v128 {
  const small = v128.and(bits, i32x4.splat(mask));
  const sign = v128.and(i32x4.shl(bits, signShift), i32x4.splat(<i32>0x80000000));
  const scaled = f32x4.mul(i32x4.shl(small, 23 - m), f32x4.splat(reinterpret<f32>((127 + shift) << 23)));
  const special = i32x4.ge_s(small, i32x4.splat(top));
  return v128.or(v128.or(scaled, sign), v128.and(special, i32x4.splat(fill)));
}

// One class a type: four values from zero- or sign-extended lanes.
@unmanaged class BFloat16 { @inline of(v: v128): v128 { return i32x4.shl(v, 16); } }
@unmanaged class Float16 { @inline of(v: v128): v128 { return widen(v, 16, 0x7fff, 10, 112, 0x7c00, 0x7f800000); } }
@unmanaged class E4M3 { @inline of(v: v128): v128 { return widen(v, 24, 0x7f, 3, 120, 0x78, 0x7f800000); } }
@unmanaged export class E4M3FN { @inline of(v: v128): v128 { return widen(v, 24, 0x7f, 3, 120, 0x7f, 0x7fc00000); } }
@unmanaged export class E5M2 { @inline of(v: v128): v128 { return widen(v, 24, 0x7f, 2, 112, 0x7c, 0x7f800000); } }
@unmanaged export class E2M1 { @inline of(v: v128): v128 { return widen(v, 28, 7, 1, 126, 8, 0); } }
/** 2^(bits - 127): the exponent field, but 2^-127 is a subnormal and 255 is NaN. */
@unmanaged class E8M0 {
  @inline of(v: v128): v128 {
    const lowest = v128.and(i32x4.eq(v, i32x4.splat(0)), i32x4.splat(0x00400000));
    const nan = v128.and(i32x4.eq(v, i32x4.splat(255)), i32x4.splat(0x7fc00000));
    return v128.or(v128.or(i32x4.shl(v, 23), lowest), nan);
  }
}
@unmanaged class Int { @inline of(v: v128): v128 { return f32x4.convert_i32x4_s(v); } }
@unmanaged class Uint32 { @inline of(v: v128): v128 { return f32x4.convert_i32x4_u(v); } }
@unmanaged class TFloat32 { @inline of(v: v128): v128 { return v128.and(v, i32x4.splat(<i32>0xffffe000)); } }

@inline function put<Type>(dst: usize, low: v128, high: v128): void {
  v128.store(dst, changetype<Type>(0).of(low));
  v128.store(dst, changetype<Type>(0).of(high), 16);
}
function bytes1<Type>(src: usize, dst: usize, n: i32): void {
  for (; n > 0; n -= 8) {
    const v = v128.load8x8_u(src);
    put<Type>(dst, i32x4.extend_low_i16x8_u(v), i32x4.extend_high_i16x8_u(v));
    src += 8;
    dst += 32;
  }
}
function signed1<Type>(src: usize, dst: usize, n: i32): void {
  for (; n > 0; n -= 8) {
    const v = v128.load8x8_s(src);
    put<Type>(dst, i32x4.extend_low_i16x8_s(v), i32x4.extend_high_i16x8_s(v));
    src += 8;
    dst += 32;
  }
}
function bytes2<Type>(src: usize, dst: usize, n: i32): void {
  for (; n > 0; n -= 8) {
    put<Type>(dst, v128.load16x4_u(src), v128.load16x4_u(src, 8));
    src += 16;
    dst += 32;
  }
}
function signed2<Type>(src: usize, dst: usize, n: i32): void {
  for (; n > 0; n -= 8) {
    put<Type>(dst, v128.load16x4_s(src), v128.load16x4_s(src, 8));
    src += 16;
    dst += 32;
  }
}
function bytes4<Type>(src: usize, dst: usize, n: i32): void {
  for (; n > 0; n -= 8) {
    put<Type>(dst, v128.load(src), v128.load(src, 16));
    src += 32;
    dst += 32;
  }
}

/** n (a multiple of 8) packed elements. */
function blocks(dtype: i32, src: usize, dst: usize, n: i32): void {
  switch (dtype) {
    case DT_bfloat16: { bytes2<BFloat16>(src, dst, n); return; }
    case DT_float16: { bytes2<Float16>(src, dst, n); return; }
    case DT_int16: { signed2<Int>(src, dst, n); return; }
    case DT_uint16: { bytes2<Int>(src, dst, n); return; }
    case DT_float8_e4m3: { bytes1<E4M3>(src, dst, n); return; }
    case DT_float8_e4m3fn: { bytes1<E4M3FN>(src, dst, n); return; }
    case DT_float8_e5m2: { bytes1<E5M2>(src, dst, n); return; }
    case DT_float8_e8m0fnu: { bytes1<E8M0>(src, dst, n); return; }
    case DT_int8: { signed1<Int>(src, dst, n); return; }
    case DT_uint8: { bytes1<Int>(src, dst, n); return; }
    case DT_bool_: { bytes1<Int>(src, dst, n); return; }
    case DT_int32: { bytes4<Int>(src, dst, n); return; }
    case DT_uint32: { bytes4<Uint32>(src, dst, n); return; }
    case DT_tfloat32: { bytes4<TFloat32>(src, dst, n); return; }
  }
}

/** n packed elements at `src` as fp32 at `dst`; neither is touched beyond element n - 1. `bytes` is the size of an element. */
export function toFp32(dtype: i32, bytes: i32, src: usize, dst: usize, n: i32): void {
  if (dtype == DT_float32) {
    copyBytes(dst, src, <usize>n << 2);
    return;
  }
  const body = n & ~7;
  blocks(dtype, src, dst, body);
  const rest = n & 7;
  if (rest == 0) return;
  copyBytes(tailAt(0), src + body * bytes, <usize>rest * bytes);
  blocks(dtype, tailAt(0), tailAt(1), 8);
  copyBytes(dst + (<usize>body << 2), tailAt(1), <usize>rest << 2);
}

/** Spreads the value `fetch` repeated over n places, rounded up to whole vectors. */
export function repeat(at: usize, n: i32): void {
  const v = v128.load(at);
  for (let i = 0; i < n; i += 4) v128.store(at + (<usize>i << 2), v);
}

/** What `fetch` found: 16 when the values follow each other, 0 when one value (four lanes of it) stands for all. */
export let fetchStep: usize = 16;

/**
 * Elements e .. e + n - 1 of `op` as fp32: the address of the values, which is `buffer` or, for fp32 that already lies packed, the
 * operand itself. Uses chunk buffer 7.
 */
export function fetch(op: Operand, e: u32, n: i32, buffer: usize): usize {
  seek(op, e);
  fetchStep = 16;
  const dtype = op.dtype;
  const bytes = op.bytes;
  if (op.within + n <= op.run) {
    const at = here(op);
    if (op.step == bytes) {
      if (dtype == DT_float32) return at;
      toFp32(dtype, bytes, at, buffer, n);
      return buffer;
    }
    if (op.step == 0) {
      toFp32(dtype, bytes, at, buffer, 1);
      v128.store(buffer, v128.load32_splat(buffer));
      fetchStep = 0;
      return buffer;
    }
  }
  if (dtype == DT_float32) {
    gather(op, e, n, buffer);
    return buffer;
  }
  const packed = chunkAt(7);
  gather(op, e, n, packed);
  toFp32(dtype, bytes, packed, buffer, n);
  return buffer;
}
