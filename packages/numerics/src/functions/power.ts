/**
 * x^y for the `power` ALU operation. Intermediates are binary64 (also exact on every host: only +, -, *, / and bit moves), so the
 * result is within 0.501 ulp and integer powers that fit fp32 are exact. Special values follow C's pow (and numpy.power).
 */

const words = new Uint32Array(2);
const double = new Float64Array(words.buffer);

/** 1 / (2k + 1): the series of (ln((1+s)/(1-s))) / 2s in s^2, enough for s^2 <= 0.0295. */
export const logSeries: readonly number[] = Array.from({ length: 9 }, (_, k) => 1 / (2 * k + 1));
/** 1 / k!: the series of e^r, enough for |r| <= ln2 / 2. */
export const expSeries: readonly number[] = [
  1,
  1,
  1 / 2,
  1 / 6,
  1 / 24,
  1 / 120,
  1 / 720,
  1 / 5040,
  1 / 40320,
  1 / 362880,
  1 / 3628800,
];
/** 1.5 * 2^52: adding and subtracting it rounds to the nearest integer. */
export const roundMagic64 = 6755399441055744;

function horner(x: number, c: readonly number[]): number {
  let sum = c[c.length - 1]!;
  for (let i = c.length - 2; i >= 0; i--) sum = sum * x + c[i]!;
  return sum;
}

/** log2 of a positive finite fp32 value, to about 2^-48. */
function log2(x: number): number {
  double[0] = x;
  // sqrt(1/2) = 0x3fe6a09e_667f3bcd; binades that start there, as in `log`.
  const high = words[1]! + (0x3ff00000 - 0x3fe6a09e);
  const k = (high >>> 20) - 1023;
  words[1] = (high & 0xfffff) + 0x3fe6a09e;
  const f = double[0]! - 1;
  const s = f / (2 + f);
  return k + s * horner(s * s, logSeries) * 2.8853900817779268;
}

/** 2^t for |t| < 1000. */
function exp2(t: number): number {
  const n = t + roundMagic64 - roundMagic64;
  const p = horner((t - n) * Math.LN2, expSeries);
  words[0] = 0;
  words[1] = (n + 1023) << 20;
  return p * double[0]!;
}

const isInteger = (y: number): boolean => Math.floor(y) === y;

/** x^y rounded to fp32. */
export function power(x: number, y: number): number {
  if (y === 0 || x === 1) return 1;
  if (Number.isNaN(x) || Number.isNaN(y)) return Number.NaN;
  const a = Math.abs(x);
  // Every fp32 from 2^24 on is an even integer or infinite.
  const odd = Math.abs(y) < 16777216 && isInteger(y) && (y & 1) !== 0;
  const negative = odd && (x < 0 || Object.is(x, -0));
  if (a === 0 || a === Number.POSITIVE_INFINITY) {
    const magnitude = (a === 0) === y < 0 ? Number.POSITIVE_INFINITY : 0;
    return negative ? -magnitude : magnitude;
  }
  if (Math.abs(y) === Number.POSITIVE_INFINITY) {
    if (a === 1) return 1;
    return a > 1 === y > 0 ? Number.POSITIVE_INFINITY : 0;
  }
  if (x < 0 && !isInteger(y)) return Number.NaN;
  const t = Math.min(Math.max(y * log2(a), -200), 200);
  const magnitude = Math.fround(exp2(t));
  return negative ? -magnitude : magnitude;
}
