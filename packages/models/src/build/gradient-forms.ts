/**
 * Reverse mode's results in the forms that are cheap on the chip: weight gradients left in fp32, halves put side by side instead of
 * padded and added, embedding rows added into the gradient that is there, norms without a second equal term.
 */
import {
  add,
  call,
  cleanUp,
  concatenate,
  emitAny,
  type Func,
  multiply,
  type Operation,
  type Rule,
  rewrite,
  type Value,
} from "@opentrn/ir";

/** How often each value is used, results of the function included. */
function uses(fn: Func): ReadonlyMap<Value, number> {
  const count = new Map<Value, number>();
  const use = (v: Value): void => {
    count.set(v, (count.get(v) ?? 0) + 1);
  };
  for (const op of fn.body) op.operands.forEach(use);
  fn.results.forEach(use);
  return count;
}

/** Conversions and calls that weight gradients are made of: behind sums, halves side by side and rows added. */
function sourcesOf(results: readonly Value[]): ReadonlySet<Value> {
  const found = new Set<Value>();
  const open = [...results];
  for (let v = open.pop(); v; v = open.pop()) {
    const { name, operands } = v.op;
    if (name === "convert" || name === "call") found.add(v);
    else if (name === "scatter") open.push(operands[0]!);
    else if (["add", "pad", "concatenate"].includes(name)) open.push(...operands);
  }
  return found;
}

/**
 * Among what the results `gradients` are made of, convert(dot_general in a narrow type) to fp32 becomes the fp32 sum itself; in functions
 * called for them too. Forward values keep their narrow type: that is what lies in memory.
 */
function wideProducts(fn: Func, gradients: readonly number[], done: Map<Func, Func>): Func {
  const count = uses(fn);
  const sources = sourcesOf(gradients.map((i) => fn.results[i]!));
  const rule: Rule = (op, operands) => {
    const wanted = op.results.flatMap((v, i) => (sources.has(v) ? [i] : []));
    if (wanted.length === 0) return undefined;
    if (op.name === "call") {
      const callee = op.attrs["callee"] as Func;
      // Calls of one function are asked for the same results: the parameters of the layer.
      const known = done.get(callee) ?? forms(callee, wanted, done);
      done.set(callee, known);
      return call(known, operands);
    }
    const made = operands[0]!.op;
    if (op.attrs["dtype"] !== "float32" || made.name !== "dot_general") return undefined;
    if (count.get(op.operands[0]!) !== 1) return undefined;
    return emitAny("dot_general", made.operands, { ...made.attrs, dtype: "float32" });
  };
  return rewrite(fn, rule);
}

const numbers = (op: Operation, name: string): readonly number[] =>
  op.attrs[name] as readonly number[];
const isZero = (v: Value): boolean => v.op.name === "constant" && v.op.attrs["value"] === 0;

/** A value that is zero outside stretches along one dimension. */
interface Stretches {
  readonly dimension: number;
  /** Ascending by start. */
  readonly parts: readonly { readonly start: number; readonly value: Value }[];
}

const end = ({ start, value }: Stretches["parts"][number], d: number): number =>
  start + value.type.shape[d]!;

function stretchOf(op: Operation, operands: readonly Value[]): Stretches | undefined {
  const [value, filling] = operands as [Value, Value];
  const [low, high] = [numbers(op, "edge_padding_low"), numbers(op, "edge_padding_high")];
  const plain =
    [...low, ...high].every((n) => n >= 0) && numbers(op, "interior_padding").every((n) => n === 0);
  const padded = low.flatMap((n, d) => (n + high[d]! > 0 ? [d] : []));
  if (!plain || padded.length !== 1 || !isZero(filling)) return undefined;
  const dimension = padded[0]!;
  return { dimension, parts: [{ start: low[dimension]!, value }] };
}

/** Two sums of stretches as one, when they lie apart. */
function joined(a: Stretches, b: Stretches): Stretches | undefined {
  if (a.dimension !== b.dimension) return undefined;
  const parts = [...a.parts, ...b.parts].toSorted((x, y) => x.start - y.start);
  const apart = parts.every((p, i) => i === 0 || end(parts[i - 1]!, a.dimension) <= p.start);
  return apart ? { dimension: a.dimension, parts } : undefined;
}

/** Sums of padded pieces that together cover a dimension: the pieces one after the other. */
function sideBySide(fn: Func): Func {
  const known = new Map<Value, Stretches>();
  const rule: Rule = (op, operands) => {
    if (op.name === "pad") {
      const made = emitAny("pad", operands, op.attrs);
      const stretch = stretchOf(op, operands);
      if (stretch) known.set(made[0]!, stretch);
      return made;
    }
    if (op.name !== "add") return undefined;
    const [a, b] = operands.map((v) => known.get(v));
    const all = a && b && joined(a, b);
    if (!all) return undefined;
    const { dimension: d, parts } = all;
    const size = op.results[0]!.type.shape[d]!;
    const covered = parts.reduce((n, p) => n + p.value.type.shape[d]!, 0) === size;
    if (covered)
      return [
        concatenate(
          parts.map((p) => p.value),
          d,
        ),
      ];
    const made = emitAny("add", operands, op.attrs);
    known.set(made[0]!, all);
    return made;
  };
  return rewrite(fn, rule);
}

/** x + rows scattered into zeros: the rows scattered into x. */
function rowsInPlace(fn: Func): Func {
  return rewrite(fn, (op, operands) => {
    if (op.name !== "add") return undefined;
    const at = operands.findIndex(
      ({ op: o }) => o.name === "scatter" && o.attrs["body"] === "add" && isZero(o.operands[0]!),
    );
    if (at < 0) return undefined;
    const {
      operands: [, indices, updates],
      attrs,
    } = operands[at]!.op;
    return emitAny("scatter", [operands[1 - at]!, indices!, updates!], attrs);
  });
}

/**
 * (a + b) + b with b = spread(s) x, as the derivative of a norm's mean square comes out: a + spread(2 s) x. One pass over rows less, and
 * twice a number is exact.
 */
function doubledTerms(fn: Func): Func {
  return rewrite(fn, (op, [sum, b]) => {
    if (op.name !== "add" || sum!.op.name !== "add" || b!.op.name !== "multiply") return undefined;
    const [a, again] = sum!.op.operands;
    const [spread, x] = b!.op.operands;
    if (again !== b || spread!.op.name !== "broadcast_in_dim") return undefined;
    const twice = emitAny(
      "broadcast_in_dim",
      [multiply(spread!.op.operands[0]!, 2)],
      spread!.op.attrs,
    );
    return [add(a!, multiply(twice[0]!, x!))];
  });
}

const forms = (fn: Func, gradients: readonly number[], done: Map<Func, Func>): Func => {
  const wide = wideProducts(cleanUp(fn), gradients, done);
  return cleanUp(doubledTerms(rowsInPlace(cleanUp(sideBySide(wide)))));
};

/**
 * The function with the gradients among its results, whose numbers are `gradients`, in these forms; equal operations shared and unused ones
 * removed.
 */
export const chipForms = (fn: Func, gradients: readonly number[]): Func =>
  forms(fn, gradients, new Map());
