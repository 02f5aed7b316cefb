/** Operations that are built without the IR's checks: ones that only this template knows, and others in the place of one that is there. */
import type { Operation, Value } from "@opentrn/ir";

/** The result of a new operation at the source line of `like`. */
export function ownOperation(
  like: Operation,
  name: string,
  operands: readonly Value[],
  type: Value["type"],
  attrs: Readonly<Record<string, unknown>> = {},
): Value {
  const results: Value[] = [];
  const op = { ...like, name: name as Operation["name"], operands, attrs, results };
  results.push({ type, op, index: 0 });
  return results[0]!;
}
