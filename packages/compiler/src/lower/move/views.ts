/** Operations that are another way to look at their operand: strides, offsets and repeats say everything. */
import type { Operation, Value } from "@opentrn/ir";
import type { View } from "../../emit/view.ts";

const numbers = (op: Operation, name: string): readonly number[] =>
  op.attrs[name] as readonly number[];

type Look = (op: Operation, from: View) => View | undefined;

const looks: Readonly<Record<string, Look>> = {
  reshape: (op, from) => from.tryReshape(shapeOf(op)),
  transpose: (op, from) => from.permute(numbers(op, "permutation")),
  slice: (op, from) => {
    const [start, limit, strides] = ["start_indices", "limit_indices", "strides"].map((n) =>
      numbers(op, n),
    ) as [readonly number[], readonly number[], readonly number[]];
    return start.reduce((v, s, d) => v.slice(d, s, limit[d]!, strides[d]!), from);
  },
  broadcast_in_dim: (op, from) => {
    const at = numbers(op, "broadcast_dimensions");
    // A scalar is held as [1]; dimensions that repeat have stride 0.
    return from.spread(shapeOf(op), (d) => at.indexOf(d));
  },
};

const shapeOf = (op: Operation): readonly number[] => {
  const { shape } = op.results[0]!.type;
  return shape.length === 0 ? [1] : shape;
};

/** The result of `op` as a view of its operand's tensor in HBM, or undefined. */
export function viewOf(op: Operation, source: (v: Value) => View): View | undefined {
  const look = looks[op.name];
  return look?.(op, source(op.operands[0]!));
}
