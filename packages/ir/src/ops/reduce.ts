/** reduce: folds dimensions away by add, multiply, maximum or minimum. */

import { reduce as build } from "../build/contraction.ts";
import * as b from "../build/elementwise.ts";
import { compare, select } from "../build/selection.ts";
import { broadcastInDim, pad, reshape, slice, transpose } from "../build/shape.ts";
import { constant, constantLike } from "../build/sources.ts";
import { type GradientCall, operation } from "../define.ts";
import type { Value } from "../graph.ts";
import { dense, otherDims, pick, range, stridesOf, walk } from "../indexing.ts";
import { allocate } from "../storage.ts";
import { isFloatType, sizeOf, type TensorType, tensor } from "../types.ts";
import { inRange, unique } from "./dims.ts";

export const bodies = ["add", "multiply", "maximum", "minimum"] as const;
export type Body = (typeof bodies)[number];

const attrs = {
  body: { kind: "enum", values: bodies },
  dimensions: { kind: "ints" },
} as const;

/** The least and greatest value of a type. */
const extremes = (t: TensorType, bytes: number): readonly [number, number] =>
  isFloatType(t)
    ? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
    : t.dtype.startsWith("int")
      ? [-(2 ** (8 * bytes - 1)), 2 ** (8 * bytes - 1) - 1]
      : [0, 2 ** (8 * bytes) - 1];

const identity: Record<Body, (t: TensorType, bytes: number) => number> = {
  add: () => 0,
  multiply: () => 1,
  maximum: (t, bytes) => extremes(t, bytes)[0],
  minimum: (t, bytes) => extremes(t, bytes)[1],
};

type Fold = (x: number, y: number) => number;
const folds: Record<Body, { readonly float: Fold; readonly integer: Fold }> = {
  add: { float: (x, y) => x + y, integer: (x, y) => x + y },
  multiply: { float: (x, y) => x * y, integer: Math.imul },
  maximum: { float: Math.max, integer: Math.max },
  minimum: { float: Math.min, integer: Math.min },
};

export const reduce = operation({
  name: "reduce",
  summary:
    "Folds the dimensions away in ascending row-major order, from the identity of the body, one fp32 rounding a step.",
  differs:
    "the body is named and starts at its identity; the running value is fp32 and rounds to the result type once",
  operands: [{ name: "operand", takes: "number" }],
  attrs,
  constraints: {
    C1: {
      says: "dimensions are dimensions of the operand",
      broken: ({ operands: [x], attrs: { dimensions } }) =>
        inRange("dimensions", dimensions, x!.shape.length),
    },
    C2: {
      says: "no dimension is named twice",
      broken: ({ attrs: { dimensions } }) => unique("dimensions", dimensions),
    },
  },
  infer: ({ operands: [x], attrs: { dimensions } }) => [
    { shape: pick(x!.shape, otherDims(x!.shape.length, dimensions)), dtype: x!.dtype },
  ],
  evaluate: ([x], { operands, attrs: { body, dimensions }, results: [type], arithmetic }) => {
    const { shape } = operands[0]!;
    const out = allocate(type!, arithmetic);
    out.fill(identity[body](type!, out.BYTES_PER_ELEMENT));
    const kept = otherDims(shape.length, dimensions);
    const steps = stridesOf(type!.shape);
    const strides = shape.map((_, d) => (kept.includes(d) ? steps[kept.indexOf(d)]! : 0));
    const fold = folds[body][isFloatType(type!) ? "float" : "integer"];
    walk(shape, { offset: 0, strides }, dense(shape), (to, from) => {
      out[to] = fold(out[to]!, x![from]!);
    });
    return [out];
  },
  gradient: (call) => [gradients[call.attrs.body](call)],
});

type Rule = (call: GradientCall<typeof attrs>) => Value;

/** A reduced value repeated over the shape it came from. */
const spread = (y: Value, { operands: [x], attrs: { dimensions } }: Parameters<Rule>[0]): Value =>
  broadcastInDim(y, x!.type.shape, otherDims(x!.type.shape.length, dimensions));

/** The elements that equal the extreme share the cotangent. */
const extreme: Rule = (call) => {
  const { operands, results, attrs: a, cotangent: g } = call;
  const x = operands[0]!;
  const one = constantLike(x, 1);
  const zero = constantLike(x, 0);
  const hit = select(compare(x, spread(results[0]!, call), "EQ"), one, zero);
  return b.multiply(hit, spread(b.divide(g, build(hit, "add", a.dimensions)), call));
};

/** The product of all other elements, exact at zeros: products of everything before times products of everything after. */
const product: Rule = (call) => {
  const x = call.operands[0]!;
  const { dimensions } = call.attrs;
  const { shape, dtype } = x.type;
  const kept = otherDims(shape.length, dimensions);
  const order = [...kept, ...[...dimensions].sort((p, q) => p - q)];
  const ordered = pick(shape, order);
  const outer = sizeOf(pick(shape, kept));
  const n = sizeOf(pick(shape, dimensions));
  if (n === 0) return x;
  const rows = reshape(transpose(x, order), [outer, n]);
  const one = constant(tensor([], dtype), 1);
  /** rows moved by k places (right when positive), ones coming in. */
  const moved = (v: Value, k: number): Value =>
    k > 0
      ? slice(pad(v, one, { low: [0, k], high: [0, 0] }), { limit: [outer, n] })
      : slice(pad(v, one, { low: [0, 0], high: [0, -k] }), { start: [0, -k] });
  const others = [1, -1].map((direction) => {
    let v = moved(rows, direction);
    for (let k = 1; k < n; k *= 2) v = b.multiply(v, moved(v, direction * k));
    return v;
  });
  const back = reshape(b.multiply(others[0]!, others[1]!), ordered);
  const inverse = range(order.length).map((d) => order.indexOf(d));
  return b.multiply(transpose(back, inverse), spread(call.cotangent, call));
};

const gradients: Record<Body, Rule> = {
  add: (call) => spread(call.cotangent, call),
  multiply: product,
  maximum: extreme,
  minimum: extreme,
};
