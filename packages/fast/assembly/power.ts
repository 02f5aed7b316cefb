// x^y in binary64 steps, one lane at a time: packages/numerics/src/functions/power.ts.
import { tailAt } from "./layout";
import { K_expSeries, K_logSeries } from "../generated/tables";

const LOG_TERMS: i32 = 11;
const EXP_TERMS: i32 = 13;
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

export function power(a: v128, b: v128): v128 {
  const at = tailAt(4);
  v128.store(at, a);
  v128.store(at, b, 16);
  for (let i: usize = 0; i < 16; i += 4) store<f32>(at + i, powerOf(load<f32>(at + i), load<f32>(at + i, 16)));
  return v128.load(at);
}
