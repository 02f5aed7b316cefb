/** dynamic_slice and dynamic_update_slice: a window of fixed size at run-time starts, clamped so that it lies inside. */
import { dynamicSlice as buildSlice, dynamicUpdateSlice as buildUpdate } from "../build/indexed.ts";
import { constantLike } from "../build/sources.ts";
import { type Constraint, operation } from "../define.ts";
import type { Value } from "../graph.ts";
import { copy, dense, stridesOf } from "../indexing.ts";
import { allocate, type Data } from "../storage.ts";
import { printType, sameType, type TensorType } from "../types.ts";
import { length, list } from "./dims.ts";

/** One scalar of one type for every dimension; `first` is the position of the first start among the operands. */
const starts = (first: number): Constraint<Record<never, never>> => ({
  says: "there is a scalar start for every dimension, all of one type",
  broken: ({ operands }) => {
    const given = operands.slice(first);
    const rank = operands[0]!.shape.length;
    if (given.length !== rank) return `${given.length} starts for ${printType(operands[0]!)}`;
    const bad = given.find((t) => t.shape.length > 0 || t.dtype !== given[0]!.dtype);
    return bad && `start ${printType(bad)}`;
  },
});

const clamped = (
  given: readonly Data[],
  operand: TensorType,
  sizes: readonly number[],
): { readonly offset: number; readonly strides: readonly number[] } => {
  const strides = stridesOf(operand.shape);
  const offset = given.reduce(
    (sum, s, d) => sum + Math.min(Math.max(s[0]!, 0), operand.shape[d]! - sizes[d]!) * strides[d]!,
    0,
  );
  return { offset, strides };
};

export const dynamicSlice = operation({
  name: "dynamic_slice",
  summary: "The slice of those sizes at the starts.",
  operands: [
    { name: "operand", takes: "any" },
    { name: "start_indices", takes: "integer", variadic: true },
  ],
  attrs: { slice_sizes: { kind: "ints" } },
  constraints: {
    C1: { ...starts(1), broken: ({ operands }) => starts(1).broken({ operands, attrs: {} }) },
    C2: {
      says: "slice_sizes has an entry from 0 to the size of every dimension",
      broken: ({ operands: [x], attrs: { slice_sizes: sizes } }) =>
        length("slice_sizes", sizes, x!.shape.length) ??
        (sizes.every((n, d) => n >= 0 && n <= x!.shape[d]!)
          ? undefined
          : `slice_sizes ${list(sizes)} of ${printType(x!)}`),
    },
  },
  infer: ({ operands: [x], attrs: { slice_sizes } }) => [{ shape: slice_sizes, dtype: x!.dtype }],
  evaluate: ([x, ...given], { operands, attrs, results: [type], arithmetic }) => {
    const out = allocate(type!, arithmetic);
    const from = clamped(given, operands[0]!, attrs.slice_sizes);
    copy(type!.shape, out, dense(type!.shape), x!, from);
    return [out];
  },
  moves: true,
  gradient: ({ operands: [x, ...given], cotangent: g }) => [
    buildUpdate(constantLike(x!, 0), g, given),
  ],
});

export const dynamicUpdateSlice = operation({
  name: "dynamic_update_slice",
  summary: "The operand with the update written at the starts.",
  operands: [
    { name: "operand", takes: "any" },
    { name: "update", takes: "any" },
    { name: "start_indices", takes: "integer", variadic: true },
  ],
  attrs: {},
  constraints: {
    C1: starts(2),
    C2: {
      says: "update has the operand's element type and rank and is no larger",
      broken: ({ operands: [x, u] }) =>
        u!.dtype === x!.dtype &&
        u!.shape.length === x!.shape.length &&
        u!.shape.every((n, d) => n <= x!.shape[d]!)
          ? undefined
          : `update ${printType(u!)} into ${printType(x!)}`,
    },
  },
  infer: ({ operands }) => [operands[0]!],
  evaluate: ([x, update, ...given], { operands, results: [type], arithmetic }) => {
    const out = allocate(type!, arithmetic);
    out.set(x!);
    const { shape } = operands[1]!;
    copy(shape, out, clamped(given, type!, shape), update!, dense(shape));
    return [out];
  },
  moves: true,
  gradient: ({ operands, cotangent: g, needs }) => {
    const [, update, ...given] = operands as [Value, Value, ...Value[]];
    return [
      needs[0]
        ? sameType(update.type, g.type)
          ? constantLike(g, 0)
          : buildUpdate(g, constantLike(update, 0), given)
        : undefined,
      needs[1] ? buildSlice(g, given, update.type.shape) : undefined,
    ];
  },
});
