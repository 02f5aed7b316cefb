/** A result against its float64 reference: largest errors, and the first element that is wrong. */
import type { Tolerance } from "./tolerance.ts";

export interface Mismatch {
  /** Position in the tensor. */
  readonly index: readonly number[];
  readonly got: number;
  readonly expected: number;
}

export interface Comparison extends Tolerance {
  readonly passed: boolean;
  readonly maxAbsError: number;
  /** Over elements whose allowance is relative rather than absolute: `|expected| * rtol >= atol`. */
  readonly maxRelError: number;
  readonly elements: number;
  readonly wrong: number;
  /** First wrong element in C order. */
  readonly first?: Mismatch;
  /** The element furthest beyond its allowance. */
  readonly worst?: Mismatch;
}

/** NaN equals NaN and infinities equal themselves, as in `numpy.testing.assert_allclose`. */
export function compare(
  got: ArrayLike<number>,
  expected: ArrayLike<number>,
  shape: readonly number[],
  { rtol, atol }: Tolerance,
): Comparison {
  let maxAbsError = 0;
  let maxRelError = 0;
  let wrong = 0;
  let first = -1;
  let worst = -1;
  let excess = 0;
  const n = expected.length;
  for (let i = 0; i < n; i++) {
    const g = got[i]!;
    const e = expected[i]!;
    if (g === e || (Number.isNaN(g) && Number.isNaN(e))) continue;
    const error = Math.abs(g - e);
    const allowed = atol + rtol * Math.abs(e);
    const finite = Number.isFinite(error);
    const absolute = finite ? error : Number.POSITIVE_INFINITY;
    if (absolute > maxAbsError) maxAbsError = absolute;
    if (!finite || (e !== 0 && rtol * Math.abs(e) >= atol)) {
      const relative = finite ? error / Math.abs(e) : Number.POSITIVE_INFINITY;
      if (relative > maxRelError) maxRelError = relative;
    }
    if (absolute <= allowed && finite) continue;
    wrong++;
    if (first < 0) first = i;
    if (worst < 0 || absolute - allowed > excess) {
      worst = i;
      excess = absolute - allowed;
    }
  }
  const at = (i: number): Mismatch => ({
    index: position(i, shape),
    got: got[i]!,
    expected: expected[i]!,
  });
  const base = { passed: wrong === 0, maxAbsError, maxRelError, elements: n, wrong, rtol, atol };
  return wrong === 0 ? base : { ...base, first: at(first), worst: at(worst) };
}

function position(flat: number, shape: readonly number[]): number[] {
  const out: number[] = [];
  let rest = flat;
  for (let k = shape.length - 1; k >= 0; k--) {
    out.unshift(rest % shape[k]!);
    rest = Math.floor(rest / shape[k]!);
  }
  return out;
}
