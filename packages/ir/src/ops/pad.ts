/** pad: a value around the tensor and between its elements; negative edges take elements away. */
import { sum } from "../build/contraction.ts";
import { compare, select } from "../build/selection.ts";
import * as b from "../build/shape.ts";
import { constant, constantLike } from "../build/sources.ts";
import { operation } from "../define.ts";
import { stridesOf, walk } from "../indexing.ts";
import { allocate } from "../storage.ts";
import { printType, tensor } from "../types.ts";
import { length, list } from "./dims.ts";

/** Size of one dimension before negative edges would take anything away. */
const spread = (n: number, interior: number): number => n + Math.max(n - 1, 0) * interior;

export const pad = operation({
  name: "pad",
  summary: "operand with padding_value at its edges and between its elements.",
  operands: [
    { name: "operand", takes: "any" },
    { name: "padding_value", takes: "any" },
  ],
  attrs: {
    edge_padding_low: { kind: "ints" },
    edge_padding_high: { kind: "ints" },
    interior_padding: { kind: "ints" },
  },
  constraints: {
    C1: {
      says: "padding_value is a scalar of the operand's element type",
      broken: ({ operands: [x, v] }) =>
        v!.shape.length === 0 && v!.dtype === x!.dtype
          ? undefined
          : `padding_value is ${printType(v!)}, the operand ${printType(x!)}`,
    },
    C2: {
      says: "the paddings have an entry for every dimension",
      broken: ({ operands: [x], attrs: a }) =>
        length("edge_padding_low", a.edge_padding_low, x!.shape.length) ??
        length("edge_padding_high", a.edge_padding_high, x!.shape.length) ??
        length("interior_padding", a.interior_padding, x!.shape.length),
    },
    C3: {
      says: "interior_padding is not negative",
      broken: ({ attrs: { interior_padding: i } }) =>
        i.every((n) => n >= 0) ? undefined : `interior_padding is ${list(i)}`,
    },
    C4: {
      says: "negative edges leave at least nothing",
      broken: ({ operands: [x], attrs: a }) => {
        const d = x!.shape.findIndex(
          (n, i) =>
            spread(n, a.interior_padding[i]!) + a.edge_padding_low[i]! + a.edge_padding_high[i]! <
            0,
        );
        return d < 0
          ? undefined
          : `dimension ${d} of ${printType(x!)} with edges ${a.edge_padding_low[d]} and ${a.edge_padding_high[d]}`;
      },
    },
  },
  infer: ({ operands: [x], attrs: a }) => [
    {
      shape: x!.shape.map(
        (n, d) =>
          spread(n, a.interior_padding[d]!) + a.edge_padding_low[d]! + a.edge_padding_high[d]!,
      ),
      dtype: x!.dtype,
    },
  ],
  evaluate: ([x, value], { operands, attrs: a, results: [type], arithmetic }) => {
    const out = allocate(type!, arithmetic).fill(value![0]!);
    // The elements of the operand that stay: first and count in every dimension.
    const shape = operands[0]!.shape;
    const first = shape.map((_, d) =>
      Math.max(0, Math.ceil(-a.edge_padding_low[d]! / (a.interior_padding[d]! + 1))),
    );
    const place = (i: number, d: number) =>
      a.edge_padding_low[d]! + i * (a.interior_padding[d]! + 1);
    const count = shape.map((n, d) => {
      let end = n;
      while (end > first[d]! && place(end - 1, d) >= type!.shape[d]!) end--;
      return Math.max(0, end - first[d]!);
    });
    const to = stridesOf(type!.shape);
    const from = stridesOf(shape);
    walk(
      count,
      {
        offset: first.reduce((sum, i, d) => sum + place(i, d) * to[d]!, 0),
        strides: to.map((s, d) => s * (a.interior_padding[d]! + 1)),
      },
      { offset: first.reduce((sum, i, d) => sum + i * from[d]!, 0), strides: from },
      (i, j) => {
        out[i] = x![j]!;
      },
    );
    return [out];
  },
  moves: true,
  gradient: ({ operands, attrs: a, cotangent: g, needs }) => {
    const x = operands[0]!;
    const { shape, dtype } = x.type;
    const zero = constant(tensor([], dtype), 0);
    /** Undoes the edges, then drops what was put between the elements. */
    const unpadded = (): ReturnType<typeof b.pad> => {
      const edges = b.pad(g, zero, {
        low: a.edge_padding_low.map((n) => -n),
        high: a.edge_padding_high.map((n) => -n),
      });
      return b.slice(edges, {
        start: shape.map(() => 0),
        limit: edges.type.shape,
        strides: a.interior_padding.map((n) => n + 1),
      });
    };
    const ofValue = () => {
      const mark = b.pad(constantLike(x, 0), constant(tensor([], dtype), 1), {
        low: a.edge_padding_low,
        high: a.edge_padding_high,
        interior: a.interior_padding,
      });
      return sum(select(compare(mark, 0, "NE"), g, 0));
    };
    return [needs[0] ? unpadded() : undefined, needs[1] ? ofValue() : undefined];
  },
});
