/** The part of a report about one output: its digest, and its error where there is a reference. */
import { createHash } from "node:crypto";
import type { DType } from "@opentrn/numerics";
import { type Comparison, compare } from "../check/compare.ts";
import { settleTolerance, type Tolerance } from "../check/tolerance.ts";
import type { OutputTensor } from "../run/run-program.ts";
import { valuesOf } from "../tensors/tensor.ts";
import { jsonNumber, jsonValue, type OutputReport } from "./report.ts";

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

export const plainOutput = (o: OutputTensor): OutputReport => ({
  name: o.name,
  shape: o.shape,
  dtype: o.dtype,
  sha256: sha256(o.bytes),
});

/** Types at the kernel's border decide the default tolerance; unrounded values are compared where there are some. */
export function checkedOutput(
  o: OutputTensor,
  expected: Float64Array,
  types: readonly DType[],
  given: Partial<Tolerance>,
): OutputReport {
  const tolerance = settleTolerance(types, o.dtype, expected, given);
  const c = compare(o.wideValues ?? valuesOf(o), expected, o.shape, tolerance);
  return {
    ...plainOutput(o),
    max_abs_error: jsonNumber(c.maxAbsError),
    max_rel_error: jsonNumber(c.maxRelError),
    check: checkReport(c),
  };
}

const checkReport = (c: Comparison): NonNullable<OutputReport["check"]> => ({
  passed: c.passed,
  rtol: c.rtol,
  atol: c.atol,
  elements: c.elements,
  wrong: c.wrong,
  ...(c.first
    ? {
        first_wrong: {
          index: c.first.index,
          got: jsonValue(c.first.got),
          expected: jsonValue(c.first.expected),
        },
      }
    : {}),
});
