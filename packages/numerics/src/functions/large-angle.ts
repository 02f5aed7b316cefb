/** Payne-Hanek reduction: x modulo pi for |x| beyond the three-part subtraction, in fixed point, exact until the last rounding. */
import { bitsOfF32 } from "../convert.ts";

/** floor(2^256 / pi) as eight 32-bit words, least significant first; the kernels read the same table. */
export const inversePiWords: readonly number[] = [
  0xef5de2b0, 0xff28b1d5, 0x9e21c820, 0x6db14acc, 0xfa9a6ee0, 0xfe13abe8, 0x27220a94, 0x517cc1b7,
];

const inversePi = inversePiWords.reduceRight((sum, w) => (sum << 32n) | BigInt(w), 0n);

/**
 * x = (2 m + odd) pi + angle with |angle| <= pi / 2. x must be finite with |x| >= 2^14. The fraction of x / pi is kept in 64 bits;
 * `angle` is that fraction (a signed 64-bit integer, rounded once to binary64) times the binary64 pi / 2^64, rounded once to fp32.
 */
export function reduceLargeAngle(x: number): { angle: number; odd: boolean } {
  const bits = bitsOfF32(Math.abs(x));
  const mantissa = BigInt((bits & 0x7fffff) | 0x800000);
  const exponent = (bits >>> 23) - 150;
  const turns = (mantissa * inversePi) >> BigInt(192 - exponent);
  const nearest = (turns + (1n << 63n)) >> 64n;
  const fraction = Number(turns - (nearest << 64n));
  const angle = Math.fround(fraction * (Math.PI / 2 ** 64));
  return { angle: x < 0 ? -angle : angle, odd: (nearest & 1n) === 1n };
}
