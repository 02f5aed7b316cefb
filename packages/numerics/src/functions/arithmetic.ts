/**
 * The five IEEE operations every reference function is built from: one fp32 rounding each, never fused, so that WebAssembly's
 * f32x4 gives the same bits on every host. (A binary64 result rounded to fp32 equals the fp32 operation: 53 >= 2 * 24 + 2.)
 */

/** a + b rounded once to fp32. */
export const add = (a: number, b: number): number => Math.fround(a + b);
/** a - b rounded once to fp32. */
export const sub = (a: number, b: number): number => Math.fround(a - b);
/** a * b rounded once to fp32. */
export const mul = (a: number, b: number): number => Math.fround(a * b);
/** a / b rounded once to fp32 (IEEE division). */
export const div = (a: number, b: number): number => Math.fround(a / b);
/** The square root rounded once to fp32. */
export const sqrt = (a: number): number => Math.fround(Math.sqrt(a));

/** c[0] + x (c[1] + x (c[2] + ...)) by Horner's rule: a multiplication, then an addition, each rounded. */
export function polynomial(x: number, c: readonly number[]): number {
  let sum = c[c.length - 1]!;
  for (let i = c.length - 2; i >= 0; i--) sum = add(mul(sum, x), c[i]!);
  return sum;
}

/** `x`, but at most `limit`; NaN stays NaN (WebAssembly f32x4.pmin(x, limit)). */
// biome-ignore lint/complexity/useMathMinMax: pmin keeps x when both are zeros
export const atMost = (x: number, limit: number): number => (limit < x ? limit : x);
/** `x`, but at least `limit`; NaN stays NaN (WebAssembly f32x4.pmax(x, limit)). */
// biome-ignore lint/complexity/useMathMinMax: pmax keeps x when both are zeros
export const atLeast = (x: number, limit: number): number => (x < limit ? limit : x);
/** `magnitude` (not negative) with the sign of `x`, zeros included. */
export const copySign = (magnitude: number, x: number): number =>
  x < 0 || Object.is(x, -0) ? -magnitude : magnitude;
