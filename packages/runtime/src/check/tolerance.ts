/**
 * How far a result may lie from its reference: `|got - expected| <= atol + rtol * |expected|`, with defaults by the narrowest
 * floating type that enters or leaves the kernel. `atol` is given per unit of the reference's root mean square, so that the
 * default means the same for large and for small results; a number given by the user is taken as it is.
 */
import { type DType, dtypeInfo } from "@opentrn/numerics";

export interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
}

/** Relative tolerances: ten half units in the last place for 16-bit types, a few for narrower ones, summation error for fp32. */
export const defaultTolerance: Partial<Readonly<Record<DType, number>>> = {
  float32: 1e-4,
  tfloat32: 5e-3,
  float16: 5e-3,
  bfloat16: 2e-2,
  float8_e4m3: 0.15,
  float8_e4m3fn: 0.15,
  float8_e5m2: 0.3,
  float8_e4m3fn_x4: 0.15,
  float8_e5m2_x4: 0.3,
  float4_e2m1fn_x4: 0.5,
};

/** The default for a kernel with these types at its border; integers alone must agree exactly. */
export function toleranceFor(types: readonly DType[]): number {
  return Math.max(0, ...types.map((d) => defaultTolerance[d] ?? 0));
}

/** The tolerance in use: the user's where given, otherwise the default scaled by the reference. */
export function settleTolerance(
  types: readonly DType[],
  output: DType,
  expected: Float64Array,
  given: Partial<Tolerance>,
): Tolerance {
  const integer = dtypeInfo[output].kind === "int" || dtypeInfo[output].kind === "uint";
  const base = integer ? 0 : toleranceFor(types);
  return {
    rtol: given.rtol ?? base,
    atol: given.atol ?? base * rootMeanSquare(expected),
  };
}

/** Of the finite elements; 0 for none. */
function rootMeanSquare(values: Float64Array): number {
  let sum = 0;
  let n = 0;
  for (const v of values)
    if (Number.isFinite(v)) {
      sum += v * v;
      n++;
    }
  return n === 0 ? 0 : Math.sqrt(sum / n);
}
