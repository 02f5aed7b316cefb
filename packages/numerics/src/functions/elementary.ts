/**
 * Elementary functions in fp32 steps: exp, log, log(1 + t), tanh, erf, sin, arctan. The reductions are the classic ones (Cody-Waite
 * for exp and sin, fdlibm's form for log); the polynomials are ours (coefficients.ts). Errors stand in activation.ts, measured.
 */
import { bitsOfF32, f32OfBits } from "../convert.ts";
import { add, atLeast, atMost, copySign, div, mul, polynomial, sub } from "./arithmetic.ts";
import { coefficients as c } from "./coefficients.ts";
import { reduceLargeAngle } from "./large-angle.ts";

const [magic] = c.roundMagic;
const magicBits = bitsOfF32(magic);
/** 2^e as fp32 for -126 <= e <= 127. */
const scale = (e: number): number => f32OfBits((e + 127) << 23);

/** e^x. Overflows to infinity, underflows through the subnormals to zero. */
export function exp(x: number): number {
  const y = atMost(atLeast(x, c.expLowest[0]), c.expHighest[0]);
  const shifted = add(mul(y, c.log2e[0]), magic);
  const n = sub(shifted, magic);
  const r = sub(sub(y, mul(n, c.ln2High[0])), mul(n, c.ln2Low[0]));
  const e = add(1, add(r, mul(polynomial(r, c.exp), mul(r, r))));
  if (Number.isNaN(e)) return Number.NaN;
  // Two factors, so that a subnormal result is rounded once and 2^128 is reachable.
  const k = bitsOfF32(shifted) - magicBits;
  const half = k >> 1;
  return mul(mul(e, scale(half)), scale(k - half));
}

/** Natural logarithm. log(+-0) is -infinity, of a negative number NaN. */
export function log(x: number): number {
  if (!(x > 0)) return x === 0 ? Number.NEGATIVE_INFINITY : Number.NaN;
  if (x === Number.POSITIVE_INFINITY) return x;
  const tiny = x < 2 ** -126;
  // Biasing by 1 - sqrt(1/2) makes the exponent field count binades that start at sqrt(1/2).
  const bits = bitsOfF32(tiny ? mul(x, 8388608) : x) + (0x3f800000 - 0x3f3504f3);
  const k = (bits >>> 23) - (tiny ? 127 + 23 : 127);
  const f = sub(f32OfBits((bits & 0x7fffff) + 0x3f3504f3), 1);
  const s = div(f, add(2, f));
  const z = mul(s, s);
  const r = mul(z, polynomial(z, c.log));
  const halfSquare = mul(0.5, mul(f, f));
  const low = add(mul(s, add(halfSquare, r)), mul(k, c.logLn2Low[0]));
  return add(add(sub(low, halfSquare), f), mul(k, c.logLn2High[0]));
}

/** log(1 + t) for 0 <= t <= 1. */
export function log1p(t: number): number {
  const s = div(t, add(2, t));
  const z = mul(s, s);
  const r = mul(z, polynomial(z, c.log1p));
  const halfSquare = mul(0.5, mul(t, t));
  return sub(t, sub(halfSquare, mul(s, add(halfSquare, r))));
}

/** Hyperbolic tangent; keeps the sign of zero. */
export function tanh(x: number): number {
  const a = Math.abs(x);
  const z = mul(a, a);
  const t =
    a < c.tanhBound[0]
      ? add(a, mul(mul(a, z), polynomial(z, c.tanh)))
      : sub(1, div(2, add(exp(mul(2, a)), 1)));
  return copySign(t, x);
}

/** 1 / (1 + e^-x), accurate in both tails. */
export function sigmoid(x: number): number {
  const e = exp(-Math.abs(x));
  return div(x < 0 ? e : 1, add(1, e));
}

/** 1 - sigmoid(x) without cancellation: sigmoid(-x) with the same exponential. */
export function antiSigmoid(x: number): number {
  const e = exp(-Math.abs(x));
  return div(x < 0 ? 1 : e, add(1, e));
}

/** The error function; keeps the sign of zero. */
export function erf(x: number): number {
  const a = Math.abs(x);
  const z = mul(a, a);
  const t = atMost(a, c.erfHighest[0]);
  const e =
    a < c.erfBound[0]
      ? add(a, mul(a, polynomial(z, c.erf)))
      : sub(1, exp(mul(t, polynomial(t, c.erfTail))));
  return copySign(e, x);
}

/** Sine over all of fp32 (the chip's own table ends at +-pi; see docs/deviations.md). NaN for the infinities. */
export function sin(x: number): number {
  const a = Math.abs(x);
  if (!(a <= c.sinBound[0])) {
    if (!(a < Number.POSITIVE_INFINITY)) return Number.NaN;
    const { angle, odd } = reduceLargeAngle(x);
    return sinOfReduced(angle, odd);
  }
  const shifted = add(mul(x, c.inversePi[0]), magic);
  const n = sub(shifted, magic);
  const r = sub(sub(sub(x, mul(n, c.piHigh[0])), mul(n, c.piMiddle[0])), mul(n, c.piLow[0]));
  return sinOfReduced(r, (bitsOfF32(shifted) & 1) === 1);
}

function sinOfReduced(r: number, odd: boolean): number {
  const a = Math.abs(r);
  const z = mul(a, a);
  const s = copySign(add(a, mul(mul(a, z), polynomial(z, c.sin))), r);
  return odd ? -s : s;
}

/** Arc tangent over all of fp32 (the chip's own table ends at +-pi/2). */
export function arctan(x: number): number {
  const a = Math.abs(x);
  const steep = a > 1;
  const t = steep ? div(1, a) : a;
  const z = mul(t, t);
  const p = add(t, mul(mul(t, z), polynomial(z, c.arctan)));
  const y = steep ? sub(c.halfPiHigh[0], sub(p, c.halfPiLow[0])) : p;
  return copySign(y, x);
}
