// Elementary functions, four lanes at a time: the same steps as packages/numerics/src/functions/elementary.ts, hence the same bits.
import { constant, copySign, half, magnitude, nan, one, signBits, two, zero } from "./vector";
import { sinLarge } from "./large-angle";
import {
  I_down64, I_expSafe, I_infinity, I_int127, I_int150, I_logBias, I_logOrigin, I_mantissa, I_minusInfinity, I_sign, I_smallestNormal, I_tanhHighest, I_two23, I_up64,
  K_arctan, K_erf, K_erfBound, K_erfHighest, K_erfTail, K_exp, K_expHighest, K_expLowest, K_halfPiHigh, K_halfPiLow, K_inversePi,
  K_ln2High, K_ln2Low, K_log, K_log1p, K_log2e, K_logLn2High, K_logLn2Low, K_piHigh, K_piLow, K_piMiddle, K_roundMagic, K_sin,
  K_sinBound, K_tanh, K_tanhBound,
} from "../generated/tables";

@inline function step(inner: v128, x: v128, c: usize): v128 { return f32x4.add(f32x4.mul(inner, x), v128.load(c)); }
@inline function poly4(x: v128, c: usize): v128 { return step(step(step(v128.load(c + 48), x, c + 32), x, c + 16), x, c); }
@inline function poly5(x: v128, c: usize): v128 { return step(poly4(x, c + 16), x, c); }
@inline function poly6(x: v128, c: usize): v128 { return step(poly5(x, c + 16), x, c); }
@inline function poly7(x: v128, c: usize): v128 { return step(poly6(x, c + 16), x, c); }
@inline function poly8(x: v128, c: usize): v128 { return step(poly7(x, c + 16), x, c); }
@inline function poly9(x: v128, c: usize): v128 { return step(poly8(x, c + 16), x, c); }
/** 2^e from integer lanes, -126 <= e <= 127. */
@inline function power2(e: v128): v128 { return i32x4.shl(i32x4.add(e, constant(I_int127)), 23); }

// e^y = 2^k e^r. `shifted` carries k in its low bits; shifting those to the exponent field multiplies or adds powers of two.
@inline function shiftedOf(y: v128): v128 { return f32x4.add(f32x4.mul(y, constant(K_log2e)), constant(K_roundMagic)); }
@inline function fraction(y: v128, shifted: v128): v128 {
  const n = f32x4.sub(shifted, constant(K_roundMagic));
  const r = f32x4.sub(f32x4.sub(y, f32x4.mul(n, constant(K_ln2High))), f32x4.mul(n, constant(K_ln2Low)));
  return f32x4.add(one(), f32x4.add(r, f32x4.mul(poly5(r, K_exp), f32x4.mul(r, r))));
}
/** e^x for every x: two factors, so that subnormal results round once and 2^128 is reachable. */
@inline export function exp(x: v128): v128 {
  const y = f32x4.pmin(f32x4.pmax(x, constant(K_expLowest)), constant(K_expHighest));
  const shifted = shiftedOf(y);
  const k = i32x4.sub(shifted, constant(K_roundMagic));
  const first = i32x4.shr_s(k, 1);
  return f32x4.mul(f32x4.mul(fraction(y, shifted), power2(first)), power2(i32x4.sub(k, first)));
}
/** Whether `expSafely` holds for all four lanes and neither is NaN. */
@inline export function expIsSafe(x: v128): v128 { return f32x4.le(magnitude(x), constant(I_expSafe)); }
/** e^x for |x| <= 87: the exponent is added as an integer. */
@inline export function expSafely(x: v128): v128 {
  const shifted = shiftedOf(x);
  return i32x4.add(fraction(x, shifted), i32x4.shl(shifted, 23));
}
/** e^x for x <= 40 (or NaN): one factor 64 binades up, so that it is normal, and an exact or once rounded step down. */
@inline export function expBelow(x: v128): v128 {
  const y = f32x4.pmax(x, constant(K_expLowest));
  const shifted = shiftedOf(y);
  const scale = i32x4.add(i32x4.shl(shifted, 23), constant(I_up64));
  return f32x4.mul(f32x4.mul(fraction(y, shifted), scale), constant(I_down64));
}
/** e^x for -40 <= x <= 80 (or NaN). */
@inline function expModerate(x: v128): v128 {
  const shifted = shiftedOf(x);
  return f32x4.mul(fraction(x, shifted), i32x4.add(i32x4.shl(shifted, 23), one()));
}

@inline export function log(x: v128): v128 {
  const tiny = f32x4.lt(x, constant(I_smallestNormal));
  const normal = v128.bitselect(f32x4.mul(x, constant(I_two23)), x, tiny);
  const bits = i32x4.add(normal, constant(I_logBias));
  const bias = v128.bitselect(constant(I_int150), constant(I_int127), tiny);
  const k = f32x4.convert_i32x4_s(i32x4.sub(i32x4.shr_u(bits, 23), bias));
  const f = f32x4.sub(i32x4.add(v128.and(bits, constant(I_mantissa)), constant(I_logOrigin)), one());
  const s = f32x4.div(f, f32x4.add(two(), f));
  const z = f32x4.mul(s, s);
  const r = f32x4.mul(z, poly4(z, K_log));
  const halfSquare = f32x4.mul(half(), f32x4.mul(f, f));
  const low = f32x4.add(f32x4.mul(s, f32x4.add(halfSquare, r)), f32x4.mul(k, constant(K_logLn2Low)));
  const y = f32x4.add(f32x4.add(f32x4.sub(low, halfSquare), f), f32x4.mul(k, constant(K_logLn2High)));
  // Zero, negative, NaN and infinity go their own way.
  const fine = v128.and(f32x4.gt(x, zero()), f32x4.lt(x, constant(I_infinity)));
  const none = f32x4.eq(x, zero());
  const infinite = f32x4.eq(x, constant(I_infinity));
  const other = v128.bitselect(constant(I_minusInfinity), nan(), none);
  return v128.bitselect(y, v128.bitselect(x, other, infinite), fine);
}

@inline export function log1p(t: v128): v128 {
  const s = f32x4.div(t, f32x4.add(two(), t));
  const z = f32x4.mul(s, s);
  const r = f32x4.mul(z, poly5(z, K_log1p));
  const halfSquare = f32x4.mul(half(), f32x4.mul(t, t));
  return f32x4.sub(t, f32x4.sub(halfSquare, f32x4.mul(s, f32x4.add(halfSquare, r))));
}

@inline export function tanh(x: v128): v128 {
  const a = magnitude(x);
  const z = f32x4.mul(a, a);
  const near = f32x4.add(a, f32x4.mul(f32x4.mul(a, z), poly5(z, K_tanh)));
  // Beyond 22 tanh is 1 in fp32 whatever the exponential.
  const e = expModerate(f32x4.pmin(f32x4.add(a, a), constant(I_tanhHighest)));
  const far = f32x4.sub(one(), f32x4.div(two(), f32x4.add(e, one())));
  return copySign(v128.bitselect(near, far, f32x4.lt(a, constant(K_tanhBound))), x);
}

/** e^-|x|, the common part of the sigmoids and softplus. */
@inline export function decay(x: v128): v128 {
  return expBelow(v128.or(x, constant(I_sign)));
}
/** sigmoid(x) given e = e^-|x|. */
@inline export function sigmoidOf(x: v128, e: v128): v128 {
  return f32x4.div(v128.bitselect(e, one(), f32x4.lt(x, zero())), f32x4.add(one(), e));
}
/** 1 - sigmoid(x) given e = e^-|x|. */
@inline export function antiSigmoidOf(x: v128, e: v128): v128 {
  return f32x4.div(v128.bitselect(one(), e, f32x4.lt(x, zero())), f32x4.add(one(), e));
}
@inline export function sigmoid(x: v128): v128 { return sigmoidOf(x, decay(x)); }

@inline export function erf(x: v128): v128 {
  const a = magnitude(x);
  const z = f32x4.mul(a, a);
  const near = f32x4.add(a, f32x4.mul(a, poly7(z, K_erf)));
  const t = f32x4.pmin(a, constant(K_erfHighest));
  const far = f32x4.sub(one(), expModerate(f32x4.mul(t, poly7(t, K_erfTail))));
  return copySign(v128.bitselect(near, far, f32x4.lt(a, constant(K_erfBound))), x);
}

@inline export function sin(x: v128): v128 {
  const magic = constant(K_roundMagic);
  const shifted = f32x4.add(f32x4.mul(x, constant(K_inversePi)), magic);
  const n = f32x4.sub(shifted, magic);
  const high = f32x4.sub(x, f32x4.mul(n, constant(K_piHigh)));
  const r = f32x4.sub(f32x4.sub(high, f32x4.mul(n, constant(K_piMiddle))), f32x4.mul(n, constant(K_piLow)));
  const y = v128.xor(sinOfReduced(r), i32x4.shl(shifted, 31));
  const large = f32x4.gt(magnitude(x), constant(K_sinBound));
  return v128.any_true(large) ? sinLarge(x, y, large) : y;
}
@inline export function sinOfReduced(r: v128): v128 {
  const a = magnitude(r);
  const z = f32x4.mul(a, a);
  return copySign(f32x4.add(a, f32x4.mul(f32x4.mul(a, z), poly5(z, K_sin))), r);
}

@inline export function arctan(x: v128): v128 {
  const a = magnitude(x);
  const steep = f32x4.gt(a, one());
  const t = v128.bitselect(f32x4.div(one(), a), a, steep);
  const z = f32x4.mul(t, t);
  const p = f32x4.add(t, f32x4.mul(f32x4.mul(t, z), poly9(z, K_arctan)));
  const turned = f32x4.sub(constant(K_halfPiHigh), f32x4.sub(p, constant(K_halfPiLow)));
  return v128.or(v128.bitselect(turned, p, steep), signBits(x));
}
