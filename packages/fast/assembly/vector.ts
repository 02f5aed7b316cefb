// Small pieces every SIMD kernel uses.
import { I_half, I_magnitude, I_nan, I_one, I_sign, I_two } from "../generated/tables";

// Constants come from memory: V8 would otherwise build each one anew from two 64-bit halves, every time round a loop.
@inline export function constant(address: usize): v128 { return v128.load(address); }
@inline export function one(): v128 { return v128.load(I_one); }
@inline export function two(): v128 { return v128.load(I_two); }
@inline export function half(): v128 { return v128.load(I_half); }
@inline export function zero(): v128 { return i32x4.splat(0); }
@inline export function nan(): v128 { return v128.load(I_nan); }
/** All bits where x is a number. */
@inline export function isNumber(x: v128): v128 { return f32x4.eq(x, x); }
/** Every NaN becomes 0x7fc00000. */
@inline export function canonical(x: v128): v128 { return v128.bitselect(x, nan(), isNumber(x)); }
@inline export function magnitude(x: v128): v128 { return v128.and(x, v128.load(I_magnitude)); }
@inline export function signBits(x: v128): v128 { return v128.and(x, v128.load(I_sign)); }
/** `m` (not negative) with the sign of `x`. */
@inline export function copySign(m: v128, x: v128): v128 { return v128.or(magnitude(m), signBits(x)); }

/** The first n (1..3) of four lanes; the others are 0. Reads no further. */
export function loadSome(address: usize, n: i32): v128 {
  if (n == 1) return v128.load32_zero(address);
  const low = v128.load64_zero(address);
  return n == 2 ? low : v128.load_lane<u32>(address + 8, low, 2);
}
/** Stores the first n (1..3) lanes and nothing else. */
export function storeSome(address: usize, v: v128, n: i32): void {
  if (n == 1) {
    v128.store_lane<u32>(address, v, 0);
    return;
  }
  v128.store_lane<u64>(address, v, 0);
  if (n == 3) v128.store_lane<u32>(address + 8, v, 2);
}
