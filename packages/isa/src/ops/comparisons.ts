/** ALU operations that compare, for instructions that build a predicate. */
import type { AluName } from "@opentrn/numerics";

export const comparisons: readonly AluName[] = [
  "equal",
  "not_equal",
  "greater_equal",
  "greater",
  "less_equal",
  "less",
];
/** Those of range_select. */
export const orderings: readonly AluName[] = comparisons.filter((c) => c !== "not_equal");
