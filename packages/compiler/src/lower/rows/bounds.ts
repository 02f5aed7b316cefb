/**
 * How far a row-wise operation's result may be from the interpreter's, which computes in fp32 and rounds once to the result's type: in units
 * of the last place of that type, at the interpreter's result or, where it is smaller, at `floor`. 0: the same bits. Tests hold every
 * operation to it; what follows from several operations adds up.
 *
 * ScalarE counts -0 as +0 on the way in (it adds a bias of 0), so signs of zeros are not part of any bound.
 */
export interface Bound {
  /** Units in the last place of fp32. */
  readonly float32: number;
  /** Units in the last place of narrower floats: 1 where the fp32 difference may tip the rounding. */
  readonly narrow: number;
  /** Results below this count as this large; 0: a relative bound everywhere. */
  readonly floor?: number;
  readonly why?: string;
}

const same: Bound = { float32: 0, narrow: 0 };

/** Of floats. Integers and truth values are always exact. */
export const bounds: Readonly<Record<string, Bound>> = {
  add: same,
  subtract: same,
  multiply: same,
  maximum: same,
  minimum: same,
  divide: {
    float32: 2,
    narrow: 1,
    why: "x times the rounded 1 / y; divisors beyond 2^126 and below 2^-126 lose bits or overflow",
  },
  power: same,
  negate: same,
  abs: same,
  sign: same,
  exponential: same,
  log: same,
  sqrt: same,
  rsqrt: same,
  tanh: same,
  logistic: same,
  sine: same,
  cosine: {
    float32: 11,
    narrow: 1,
    floor: 1,
    why: "1 - 2 sin^2(x / 2), at most 12.5 * 2^-24 off; the interpreter reduces the angle first, at most 9 * 2^-24 off",
  },
  compare: same,
  select: same,
  convert: same,
};
