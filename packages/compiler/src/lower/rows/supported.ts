/** Which operations the template takes. */
import type { Operation } from "@opentrn/ir";
import { logicalOps } from "./discrete-ops.ts";
import { floatOps } from "./float-ops.ts";

const others = [
  "compare",
  "select",
  "convert",
  "reduce",
  "constant",
  "iota",
  "broadcast_in_dim",
  "reshape",
  "transpose",
  "slice",
  "concatenate",
  "pad",
  "stop_gradient",
  // Ours; see strengthen.ts.
  "pick",
];
/** The name that tables know an operation by: of a composite, its target. */
export const nameOf = (op: Operation): string =>
  op.name === "custom_call" ? String(op.attrs["call_target_name"]) : op.name;

const names = new Set([...Object.keys(floatOps), ...Object.keys(logicalOps), ...others]);

/** The first operation that is none of them, in words. */
export function supported(ops: readonly Operation[]): string | undefined {
  const other = ops.find((op) => !names.has(nameOf(op)));
  return other && `${nameOf(other)} is not computed row by row`;
}
