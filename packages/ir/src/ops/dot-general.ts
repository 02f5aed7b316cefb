/** dot_general: products of slices over contracting dimensions, for every index of batching dimensions. */
import { dotGeneral as build } from "../build/contraction.ts";
import { convert } from "../build/selection.ts";
import { transpose } from "../build/shape.ts";
import { type Call, operation } from "../define.ts";
import type { Value } from "../graph.ts";
import { copy, dense, otherDims, pick, range, stridesOf } from "../indexing.ts";
import { type Arithmetic, allocate, type Data } from "../storage.ts";
import { isFloatType, printType, sizeOf, type TensorType } from "../types.ts";
import { inRange, length, unique } from "./dims.ts";

const attrs = {
  lhs_batching_dimensions: { kind: "ints", default: [] },
  rhs_batching_dimensions: { kind: "ints", default: [] },
  lhs_contracting_dimensions: { kind: "ints", default: [] },
  rhs_contracting_dimensions: { kind: "ints", default: [] },
  dtype: { kind: "dtype" },
} as const;

interface Side {
  readonly type: TensorType;
  readonly batching: readonly number[];
  readonly contracting: readonly number[];
  /** The dimensions that stay, ascending. */
  readonly free: readonly number[];
}

const sides = ({ operands, attrs: a }: Call<typeof attrs>): readonly [Side, Side] => {
  const side = (type: TensorType, batching: readonly number[], contracting: readonly number[]) => ({
    type,
    batching,
    contracting,
    free: otherDims(type.shape.length, [...batching, ...contracting]),
  });
  return [
    side(operands[0]!, a.lhs_batching_dimensions, a.lhs_contracting_dimensions),
    side(operands[1]!, a.rhs_batching_dimensions, a.rhs_contracting_dimensions),
  ];
};

const dimsOf = (s: Side, dims: readonly number[]): readonly number[] => pick(s.type.shape, dims);

const sameSizes = (what: "batching" | "contracting") => ({
  says: `${what} dimensions have the same sizes on both sides`,
  broken: (call: Call<typeof attrs>) => {
    const [l, r] = sides(call);
    const at = l[what].findIndex((d, i) => l.type.shape[d] !== r.type.shape[r[what][i]!]);
    return at < 0
      ? undefined
      : `lhs ${printType(l.type)} has size ${l.type.shape[l[what][at]!]} in dimension ${l[what][at]}, rhs ${printType(r.type)} has ${r.type.shape[r[what][at]!]} in dimension ${r[what][at]}`;
  },
});

const sideDims = (side: 0 | 1) => {
  const name = side === 0 ? "lhs" : "rhs";
  return {
    says: `${name} batching and contracting dimensions are dimensions of ${name}, each named once`,
    broken: (call: Call<typeof attrs>) => {
      const s = sides(call)[side];
      const all = [...s.batching, ...s.contracting];
      const label = `${name} batching and contracting dimensions`;
      return inRange(label, all, s.type.shape.length) ?? unique(label, all);
    },
  };
};

export const dotGeneral = operation({
  name: "dot_general",
  summary:
    "result[batch, lhs free, rhs free] = sum over the contracting dimensions of lhs times rhs, ascending from zero.",
  differs: "the sum is held in fp32 and rounded to the result type once; no precision attributes",
  operands: [
    { name: "lhs", takes: "number" },
    { name: "rhs", takes: "number" },
  ],
  attrs,
  constraints: {
    C1: {
      says: "there are as many lhs batching dimensions as rhs ones",
      broken: ({ attrs: a }) =>
        length(
          "rhs_batching_dimensions",
          a.rhs_batching_dimensions,
          a.lhs_batching_dimensions.length,
        ),
    },
    C2: {
      says: "there are as many lhs contracting dimensions as rhs ones",
      broken: ({ attrs: a }) =>
        length(
          "rhs_contracting_dimensions",
          a.rhs_contracting_dimensions,
          a.lhs_contracting_dimensions.length,
        ),
    },
    C3: sideDims(0),
    C4: sideDims(1),
    C5: sameSizes("batching"),
    C6: sameSizes("contracting"),
    C7: {
      says: "lhs and rhs have the same element type",
      broken: ({ operands: [l, r] }) =>
        l!.dtype === r!.dtype
          ? undefined
          : `lhs is ${printType(l!)}, rhs is ${printType(r!)}; convert one`,
    },
    C8: {
      says: "the result is a float type when the operands are, and an integer type when they are",
      broken: ({ operands: [l], attrs: { dtype } }) =>
        dtype !== "bool_" && isFloatType(l!) === isFloatType({ shape: [], dtype })
          ? undefined
          : `operands ${printType(l!)} cannot give ${dtype}`,
    },
  },
  infer: (call) => {
    const [l, r] = sides(call);
    const shape = [...dimsOf(l, l.batching), ...dimsOf(l, l.free), ...dimsOf(r, r.free)];
    return [{ shape, dtype: call.attrs.dtype }];
  },
  evaluate: ([x, y], call) => {
    const [l, r] = sides(call);
    const batch = sizeOf(dimsOf(l, l.batching));
    const rows = sizeOf(dimsOf(l, l.free));
    const inner = sizeOf(dimsOf(l, l.contracting));
    const columns = sizeOf(dimsOf(r, r.free));
    const left = ordered(x!, l, [...l.batching, ...l.free, ...l.contracting], call.arithmetic);
    const right = ordered(y!, r, [...r.batching, ...r.contracting, ...r.free], call.arithmetic);
    const out = allocate(call.results[0]!, call.arithmetic);
    const accumulate = isFloatType(l.type)
      ? call.arithmetic === "fp32"
        ? rowFp32
        : rowDouble
      : rowInteger;
    for (let b = 0; b < batch; b++)
      for (let m = 0; m < rows; m++) {
        const row = b * rows + m;
        const a = left.subarray(row * inner, (row + 1) * inner);
        accumulate(out, row * columns, columns, a, right, b * inner * columns);
      }
    return [out];
  },
  gradient: ({ operands, attrs: a, cotangent, needs }) => {
    const [l, r] = sides({ operands: operands.map((v) => v.type), attrs: a });
    // The chip multiplies operands of one type: the cotangent takes that of the operands before it is multiplied.
    const g = convert(cotangent, l.type.dtype);
    const batch = range(l.batching.length);
    const gLeft = l.free.map((_, i) => batch.length + i);
    const gRight = r.free.map((_, i) => batch.length + l.free.length + i);
    /** Contracts g with the other side over that side's free dimensions and puts the dimensions where `own` has them. */
    const towards = (
      own: Side,
      other: Side,
      otherValue: Value,
      gOther: readonly number[],
    ): Value => {
      // The dimensions that are left: those g shares with own, and other's contracting ones in ascending order.
      const byOther = range(own.contracting.length)
        .toSorted((i, j) => other.contracting[i]! - other.contracting[j]!)
        .map((i) => own.contracting[i]!);
      const afterG = [...own.batching, ...own.free, ...byOther];
      const afterOther = [...own.batching, ...byOther, ...own.free];
      const dtype = own.type.dtype;
      // The order of operands that needs no transpose, where there is one.
      const otherFirst = afterOther.every((d, i) => d === i);
      const product = otherFirst
        ? build(otherValue, g, {
            batching: [other.batching, batch],
            contracting: [other.free, gOther],
            dtype,
          })
        : build(g, otherValue, {
            batching: [batch, other.batching],
            contracting: [gOther, other.free],
            dtype,
          });
      const stands = otherFirst ? afterOther : afterG;
      return transpose(
        product,
        range(stands.length).map((d) => stands.indexOf(d)),
      );
    };
    return [
      needs[0] ? towards(l, r, operands[1]!, gRight) : undefined,
      needs[1] ? towards(r, l, operands[0]!, gLeft) : undefined,
    ];
  },
});

/** The operand with its dimensions in that order, dense. */
function ordered(x: Data, s: Side, order: readonly number[], arithmetic: Arithmetic): Data {
  if (order.every((d, i) => d === i)) return x;
  const shape = dimsOf(s, order);
  const out = allocate({ shape, dtype: s.type.dtype }, arithmetic);
  copy(shape, out, dense(shape), x, { offset: 0, strides: pick(stridesOf(s.type.shape), order) });
  return out;
}

/**
 * out[at + n] = sum over k of a[k] right[from + k columns + n], k ascending: a rounded product, then a rounded sum. Four k a pass, so
 * that sums stay in registers; the order of every sum is the same.
 */
function rowFp32(out: Data, at: number, columns: number, a: Data, right: Data, from: number): void {
  const f = Math.fround;
  let k = 0;
  let r = from;
  for (; k + 4 <= a.length; k += 4, r += 4 * columns) {
    const [a0, a1, a2, a3] = [a[k]!, a[k + 1]!, a[k + 2]!, a[k + 3]!];
    for (let n = 0; n < columns; n++) {
      let sum = f(out[at + n]! + f(a0 * right[r + n]!));
      sum = f(sum + f(a1 * right[r + columns + n]!));
      sum = f(sum + f(a2 * right[r + 2 * columns + n]!));
      out[at + n] = f(sum + f(a3 * right[r + 3 * columns + n]!));
    }
  }
  for (; k < a.length; k++, r += columns)
    for (let n = 0; n < columns; n++) out[at + n] = f(out[at + n]! + f(a[k]! * right[r + n]!));
}

function rowDouble(
  out: Data,
  at: number,
  columns: number,
  a: Data,
  right: Data,
  from: number,
): void {
  for (let k = 0; k < a.length; k++)
    for (let n = 0; n < columns; n++) out[at + n]! += a[k]! * right[from + k * columns + n]!;
}

function rowInteger(
  out: Data,
  at: number,
  columns: number,
  a: Data,
  right: Data,
  from: number,
): void {
  for (let k = 0; k < a.length; k++)
    for (let n = 0; n < columns; n++)
      out[at + n]! += Math.imul(a[k]!, right[from + k * columns + n]!);
}
