/** Stochastic rounding of fp32 to narrower floats, as NEURON_RT_STOCHASTIC_ROUNDING_EN=1 selects; the random word is an argument. */
import { decode, encode } from "../convert.ts";
import { type DType, dtypeInfo } from "../dtype.ts";

/**
 * The raw bits of `x` as type `d`, rounded away from zero with probability equal to the discarded fraction: with q the spacing of `d`
 * at |x|, |x| / q = n + f, the result is n + 1 units when random < floor(f 2^32), else n. `random` is a uniform 32-bit word. Values
 * beyond the largest finite one and types that keep all of fp32 or are no floats round to nearest, as `encode` does.
 */
export function encodeStochastic(x: number, d: DType, random: number): number {
  const t = dtypeInfo[d];
  const stochastic = t.kind === "float" && t.mantissa! > 0 && t.mantissa! < 23;
  if (!stochastic || !Number.isFinite(x) || x === 0) return encode(x, d);
  const a = Math.abs(x);
  const lowest = 2 - 2 ** (t.exponent! - 1);
  const exponent = Math.max(exponentOf(a), lowest);
  const unit = 2 ** (exponent - t.mantissa!);
  const units = Math.floor(a / unit);
  const fraction = a / unit - units;
  const rounded = (units + (random >>> 0 < Math.floor(fraction * 2 ** 32) ? 1 : 0)) * unit;
  return encode(x < 0 ? -rounded : rounded, d);
}

/** floor(log2 a) for a positive finite fp32 value, exactly. */
function exponentOf(a: number): number {
  const guess = Math.floor(Math.log2(a));
  return 2 ** guess > a ? guess - 1 : 2 ** (guess + 1) <= a ? guess + 1 : guess;
}

/** `x` stochastically rounded to type `d` and read back. */
export const roundStochastic = (x: number, d: DType, random: number): number =>
  decode(encodeStochastic(x, d, random), d);
