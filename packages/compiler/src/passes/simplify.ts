/** Local rewriting that keeps every bit: moves that cancel, multiplication by one, conversions to the type a value has. */
import {
  broadcastInDim,
  cleanUp,
  type Func,
  type Operation,
  reshape,
  rewrite,
  sameShape,
  sameType,
  transpose,
  type Value,
} from "@opentrn/ir";
import { type DType, dtypeInfo } from "@opentrn/numerics";

type Rewrite = (op: Operation, operands: readonly Value[]) => Value | undefined;

const ints = (op: Operation, name: string): readonly number[] =>
  op.attrs[name] as readonly number[];
const isOrder = (p: readonly number[]): boolean => p.every((d, i) => d === i);
/** The number that every element of the value is, if that shows. */
function splat(v: Value): number | undefined {
  if (v.op.name === "broadcast_in_dim") return splat(v.op.operands[0]!);
  const value = v.op.name === "constant" ? v.op.attrs["value"] : undefined;
  return typeof value === "number" ? value : undefined;
}

/** Whether floats of type `wide` hold every value of `narrow`. */
function holds(wide: DType, narrow: DType): boolean {
  const [w, n] = [dtypeInfo[wide], dtypeInfo[narrow]];
  return (
    (w.mantissa ?? -1) >= (n.mantissa ?? Number.POSITIVE_INFINITY) &&
    (w.exponent ?? -1) >= (n.exponent ?? Number.POSITIVE_INFINITY)
  );
}

const rules: Readonly<Record<string, Rewrite>> = {
  stop_gradient: (_, [x]) => x,
  convert: (op, [x]) => {
    const { type } = op.results[0]!;
    if (sameType(x!.type, type)) return x;
    const [before] = x!.op.name === "convert" ? x!.op.operands : [];
    return before && sameType(before.type, type) && holds(x!.type.dtype, type.dtype)
      ? before
      : undefined;
  },
  reshape: (op, [x]) => {
    const { shape } = op.results[0]!.type;
    if (sameShape(x!.type.shape, shape)) return x;
    return x!.op.name === "reshape" ? reshape(x!.op.operands[0]!, shape) : undefined;
  },
  transpose: (op, [x]) => {
    const order = ints(op, "permutation");
    if (isOrder(order)) return x;
    if (x!.op.name !== "transpose") return undefined;
    const inner = ints(x!.op, "permutation");
    return transpose(
      x!.op.operands[0]!,
      order.map((d) => inner[d]!),
    );
  },
  broadcast_in_dim: (op, [x]) => {
    const dims = ints(op, "broadcast_dimensions");
    const { shape } = op.results[0]!.type;
    if (sameShape(x!.type.shape, shape) && isOrder(dims)) return x;
    if (x!.op.name !== "broadcast_in_dim") return undefined;
    const inner = ints(x!.op, "broadcast_dimensions");
    return broadcastInDim(
      x!.op.operands[0]!,
      shape,
      inner.map((d) => dims[d]!),
    );
  },
  slice: (op, [x]) => (sameShape(x!.type.shape, op.results[0]!.type.shape) ? x : undefined),
  concatenate: (_, operands) => (operands.length === 1 ? operands[0] : undefined),
  multiply: (_, [x, y]) => (splat(y!) === 1 ? x : splat(x!) === 1 ? y : undefined),
  divide: (_, [x, y]) => (splat(y!) === 1 ? x : undefined),
  negate: (_, [x]) => (x!.op.name === "negate" ? x!.op.operands[0] : undefined),
};

/** The function without operations that change nothing, equal operations shared, unused ones removed. */
export function simplify(fn: Func): Func {
  const made = rewrite(fn, (op, operands) => {
    const found = rules[op.name]?.(op, operands);
    return found && [found];
  });
  return cleanUp(made);
}
