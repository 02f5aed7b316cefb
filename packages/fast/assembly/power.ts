// x^y in binary64 steps, two lanes at a time where nothing is special: packages/numerics/src/functions/power.ts.
import { tailAt } from "./layout";
import { I_infinity, K_expSeries, K_logSeries } from "../generated/tables";

const LOG_TERMS: i32 = 9;
const EXP_TERMS: i32 = 11;
/** 2 / ln 2, ln 2, and 1.5 * 2^52. */
const TWO_OVER_LN2: f64 = 2.8853900817779268;
const LN2: f64 = 0.6931471805599453;
const ROUND_MAGIC: f64 = 6755399441055744;

function horner(x: f64, c: usize, terms: i32): f64 {
  let sum = load<f64>(c + (<usize>(terms - 1) << 3));
  for (let i = terms - 2; i >= 0; i--) sum = sum * x + load<f64>(c + (<usize>i << 3));
  return sum;
}

function log2(x: f64): f64 {
  const bits = reinterpret<u64>(x) + (<u64>(0x3ff00000 - 0x3fe6a09e) << 32);
  const k = <i32>(bits >> 52) - 1023;
  const low = bits & 0xffffffff;
  const high = (<u32>(bits >> 32) & 0xfffff) + 0x3fe6a09e;
  const f = reinterpret<f64>((<u64>high << 32) | low) - 1;
  const s = f / (2 + f);
  return <f64>k + s * horner(s * s, K_logSeries, LOG_TERMS) * TWO_OVER_LN2;
}

function exp2(t: f64): f64 {
  const n = t + ROUND_MAGIC - ROUND_MAGIC;
  return horner((t - n) * LN2, K_expSeries, EXP_TERMS) * reinterpret<f64>((<u64>(<i32>n + 1023)) << 52);
}

function powerOf(x: f32, y: f32): f32 {
  if (y == 0 || x == 1) return 1;
  if (x != x || y != y) return NaN;
  const a = abs(x);
  const b = abs(y);
  const whole = floor(y) == y;
  const odd = b < 16777216 && whole && (<i32>y & 1) != 0;
  const negative = odd && (reinterpret<u32>(x) >> 31) != 0;
  if (a == 0 || a == Infinity) {
    const m: f32 = (a == 0) == (y < 0) ? Infinity : 0;
    return negative ? -m : m;
  }
  if (b == Infinity) {
    if (a == 1) return 1;
    return (a > 1) == (y > 0) ? Infinity : 0;
  }
  if (x < 0 && !whole) return NaN;
  const m = <f32>exp2(min<f64>(max<f64>(<f64>y * log2(a), -200), 200));
  return negative ? -m : m;
}

/** Terms of a series whose coefficients stand as pairs of equal binary64 values at `c`. */
@inline function hornerPair(x: v128, c: usize, terms: i32): v128 {
  let sum = v128.load64_splat(c + (<usize>(terms - 1) << 3));
  for (let i = terms - 2; i >= 0; i--) sum = f64x2.add(f64x2.mul(sum, x), v128.load64_splat(c + (<usize>i << 3)));
  return sum;
}

/** 2^(y log2 x) for two positive finite x and finite y, in the same steps as the scalar functions. */
function powerPair(x: v128, y: v128): v128 {
  const bits = i64x2.add(x, i64x2.splat(<i64>(0x3ff00000 - 0x3fe6a09e) << 32));
  // The biased exponent as a float: put below the leading bit of 2^52, which is then taken away with the bias.
  const k = f64x2.sub(v128.or(i64x2.shr_u(bits, 52), f64x2.splat(4503599627370496)), f64x2.splat(4503599627370496 + 1023));
  const mantissa = v128.and(bits, i64x2.splat(0xfffffffffffff));
  const f = f64x2.sub(i64x2.add(mantissa, i64x2.splat(<i64>0x3fe6a09e << 32)), f64x2.splat(1));
  const s = f64x2.div(f, f64x2.add(f64x2.splat(2), f));
  const series = f64x2.mul(f64x2.mul(s, hornerPair(f64x2.mul(s, s), K_logSeries, LOG_TERMS)), f64x2.splat(TWO_OVER_LN2));
  const product = f64x2.mul(y, f64x2.add(k, series));
  const t = f64x2.pmin(f64x2.pmax(product, f64x2.splat(-200)), f64x2.splat(200));
  const shifted = f64x2.add(t, f64x2.splat(ROUND_MAGIC));
  const n = f64x2.sub(shifted, f64x2.splat(ROUND_MAGIC));
  const scale = i64x2.add(i64x2.shl(shifted, 52), i64x2.splat(<i64>1023 << 52));
  return f64x2.mul(hornerPair(f64x2.mul(f64x2.sub(t, n), f64x2.splat(LN2)), K_expSeries, EXP_TERMS), scale);
}

@inline function high(x: v128): v128 { return v128.shuffle<i64>(x, x, 1, 1); }

export function power(a: v128, b: v128): v128 {
  const infinity = v128.load(I_infinity);
  const plain = v128.and(v128.and(f32x4.gt(a, i32x4.splat(0)), f32x4.lt(a, infinity)), f32x4.lt(f32x4.abs(b), infinity));
  if (i32x4.bitmask(plain) == 15) {
    const low = powerPair(f64x2.promote_low_f32x4(a), f64x2.promote_low_f32x4(b));
    const top = powerPair(f64x2.promote_low_f32x4(high(a)), f64x2.promote_low_f32x4(high(b)));
    return v128.shuffle<i64>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(top), 0, 2);
  }
  return each(a, b);
}

/** One lane at a time, every special case included. */
function each(a: v128, b: v128): v128 {
  const at = tailAt(4);
  v128.store(at, a);
  v128.store(at, b, 16);
  for (let i: usize = 0; i < 16; i += 4) store<f32>(at + i, powerOf(load<f32>(at + i), load<f32>(at + i, 16)));
  return v128.load(at);
}
