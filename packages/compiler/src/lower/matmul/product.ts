/**
 * A dot_general as the array sees it: for every batch index, [K, M] turned around times [K, N]. Each operand is a view of a tensor in
 * HBM with three groups of axes; the contracting axes of both run through K in the same order.
 */
import type { Operation } from "@opentrn/ir";
import { type Axis, countOf, merge, mergeTogether } from "./axes.ts";

/** Shape and strides of a row-major tensor. */
export function denseOf(shape: readonly number[]): Strided {
  const strides = shape.map(() => 1);
  for (let d = shape.length - 2; d >= 0; d--) strides[d] = strides[d + 1]! * shape[d + 1]!;
  return { shape, strides };
}

/** Shape and strides in elements of a tensor in HBM. */
export interface Strided {
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

/** One operand: where its elements lie. */
export interface Side {
  readonly batch: readonly Axis[];
  /** Columns of the operand in the array: M for the left one, N for the right one. */
  readonly free: readonly Axis[];
  readonly k: readonly Axis[];
}

export interface Product {
  readonly batch: number;
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly left: Side;
  readonly right: Side;
  /** Positions among the contracting dimensions in the order in which K runs. */
  readonly order: readonly number[];
}

const ints = (op: Operation, name: string): readonly number[] =>
  op.attrs[name] as readonly number[];

/** Which dimensions of an operand play which part. */
export function dimsOf(op: Operation, side: 0 | 1) {
  const name = side === 0 ? "lhs" : "rhs";
  const batch = ints(op, `${name}_batching_dimensions`);
  const k = ints(op, `${name}_contracting_dimensions`);
  const free = op.operands[side]!.type.shape.map((_, d) => d).filter(
    (d) => !batch.includes(d) && !k.includes(d),
  );
  return { batch, k, free };
}

/** The product of two operands that lie in HBM as `left` and `right` say. */
export function productOf(op: Operation, left: Strided, right: Strided): Product {
  const [l, r] = [dimsOf(op, 0), dimsOf(op, 1)];
  const axes = (t: Strided, dims: readonly number[]): readonly Axis[] =>
    dims.map((d) => [t.strides[d]!, t.shape[d]!]);
  const {
    order,
    k: [leftK, rightK],
  } = contraction(axes(left, l.k), axes(right, r.k));
  const sides = [
    { batch: axes(left, l.batch), free: merge(axes(left, l.free)), k: leftK },
    { batch: axes(right, r.batch), free: merge(axes(right, r.free)), k: rightK },
  ] as const;
  return {
    batch: countOf(sides[0].batch),
    M: countOf(sides[0].free),
    N: countOf(sides[1].free),
    K: countOf(leftK),
    left: sides[0],
    right: sides[1],
    order,
  };
}

interface Contraction {
  readonly order: readonly number[];
  /** Axes of both sides. */
  readonly k: readonly [readonly Axis[], readonly Axis[]];
}

/** Both sides' contracting axes in the order, of the two that follow one side's memory, that merges better. */
function contraction(left: readonly Axis[], right: readonly Axis[]): Contraction {
  const [a, b] = [left, right].map((by): Contraction => {
    const order = by.map((_, i) => i).sort((i, j) => by[j]![0] - by[i]![0]);
    const [l, r] = mergeTogether(
      order.map((i) => left[i]![1]),
      [order.map((i) => left[i]![0]), order.map((i) => right[i]![0])],
    );
    return { order, k: [l!, r!] };
  });
  return b!.k[0].length < a!.k[0].length ? b! : a!;
}
