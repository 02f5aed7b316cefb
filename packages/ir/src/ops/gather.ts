/** gather: slices of the operand at run-time indices. Embedding lookup and take-along-axis are forms of it. */
import { add, maximum, minimum } from "../build/elementwise.ts";
import { scatter } from "../build/indexed.ts";
import { broadcastInDim } from "../build/shape.ts";
import { constant, constantLike } from "../build/sources.ts";
import { type Call, type Constraint, operation } from "../define.ts";
import type { Value } from "../graph.ts";
import { copy, offsetAt, otherDims, pick, stridesOf } from "../indexing.ts";
import { allocate } from "../storage.ts";
import { printType } from "../types.ts";
import { ascending, inRange, length, list } from "./dims.ts";
import { batchShape, forEachWindow, type Parties, windowDims, windowRules } from "./window-dims.ts";

const attrs = {
  offset_dims: { kind: "ints", default: [] },
  collapsed_slice_dims: { kind: "ints", default: [] },
  operand_batching_dims: { kind: "ints", default: [] },
  start_indices_batching_dims: { kind: "ints", default: [] },
  start_index_map: { kind: "ints", default: [] },
  index_vector_dim: { kind: "int" },
  slice_sizes: { kind: "ints" },
} as const;
type GatherCall = Call<typeof attrs>;

const parties = ({ operands, attrs: a }: GatherCall): Parties => ({
  operand: operands[0]!,
  indices: operands[1]!,
  dims: {
    offset: a.offset_dims,
    collapsed: a.collapsed_slice_dims,
    operandBatching: a.operand_batching_dims,
    indicesBatching: a.start_indices_batching_dims,
    indexMap: a.start_index_map,
    vectorDim: a.index_vector_dim,
  },
  names: {
    offset: "offset_dims",
    collapsed: "collapsed_slice_dims",
    operandBatching: "operand_batching_dims",
    indicesBatching: "start_indices_batching_dims",
    indexMap: "start_index_map",
    vectorDim: "index_vector_dim",
  },
});

const shared = (rule: string): Constraint<typeof attrs> => ({
  says: windowRules[rule]!.says,
  broken: (call) => windowRules[rule]!.broken(parties(call)),
});

export const gather = operation({
  name: "gather",
  summary: "Slices of the operand that start at the indices, clamped so that each lies inside.",
  operands: [
    { name: "operand", takes: "any" },
    { name: "start_indices", takes: "integer" },
  ],
  attrs,
  constraints: {
    C1: shared("vectorDim"),
    C2: shared("collapsed"),
    C3: shared("operandBatching"),
    C4: shared("indicesBatching"),
    C5: shared("pairs"),
    C6: shared("indexMap"),
    C7: {
      says: "slice_sizes has an entry from 0 to the size of every dimension of the operand",
      broken: ({ operands: [x], attrs: { slice_sizes: sizes } }) =>
        length("slice_sizes", sizes, x!.shape.length) ??
        (sizes.every((n, d) => n >= 0 && n <= x!.shape[d]!)
          ? undefined
          : `slice_sizes ${list(sizes)} of ${printType(x!)}`),
    },
    C8: {
      says: "collapsed and batching dimensions have slice size 1",
      broken: ({ attrs: a }) => {
        const bad = [...a.collapsed_slice_dims, ...a.operand_batching_dims].find(
          (d) => a.slice_sizes[d] !== 1,
        );
        return bad === undefined ? undefined : `dimension ${bad} has ${a.slice_sizes[bad]}`;
      },
    },
    C9: {
      says: "offset_dims has an entry for every other dimension of the operand",
      broken: (call) =>
        length("offset_dims", call.attrs.offset_dims, windowDims(parties(call)).length),
    },
    C10: {
      says: "offset_dims are dimensions of the result, ascending",
      broken: (call) => {
        const { offset_dims } = call.attrs;
        const rank = batchShape(parties(call)).length + offset_dims.length;
        return inRange("offset_dims", offset_dims, rank) ?? ascending("offset_dims", offset_dims);
      },
    },
  },
  infer: (call) => {
    const p = parties(call);
    const window = pick(call.attrs.slice_sizes, windowDims(p));
    const batch = batchShape(p);
    const shape = new Array<number>(window.length + batch.length);
    const offset = p.dims.offset;
    otherDims(shape.length, offset).forEach((d, i) => {
      shape[d] = batch[i]!;
    });
    offset.forEach((d, i) => {
      shape[d] = window[i]!;
    });
    return [{ shape, dtype: call.operands[0]!.dtype }];
  },
  evaluate: ([x, indices], call) => {
    const p = parties(call);
    const { shape } = p.operand;
    const sizes = call.attrs.slice_sizes;
    const out = allocate(call.results[0]!, call.arithmetic);
    const from = stridesOf(shape);
    const to = stridesOf(call.results[0]!.shape);
    const inside = windowDims(p);
    const window = pick(sizes, inside);
    const batchTo = pick(to, otherDims(to.length, p.dims.offset));
    forEachWindow(p, indices!, (start, batchIndex) => {
      const clamped = start.map((s, d) => Math.min(Math.max(s, 0), shape[d]! - sizes[d]!));
      copy(
        window,
        out,
        { offset: offsetAt(batchIndex, batchTo), strides: pick(to, p.dims.offset) },
        x!,
        { offset: offsetAt(clamped, from), strides: pick(from, inside) },
      );
    });
    return [out];
  },
  moves: true,
  gradient: (call) => {
    const [x, indices] = call.operands as [Value, Value];
    const a = call.attrs;
    return [
      scatter(constantLike(x, 0), clamp(indices, x, a), call.cotangent, {
        updateWindowDims: a.offset_dims,
        insertedWindowDims: a.collapsed_slice_dims,
        inputBatchingDims: a.operand_batching_dims,
        scatterIndicesBatchingDims: a.start_indices_batching_dims,
        scatterDimsToOperandDims: a.start_index_map,
        indexVectorDim: a.index_vector_dim,
        body: "add",
      }),
    ];
  },
});

/** The indices as gather reads them: clamped, where scatter would drop what lies outside. */
function clamp(indices: Value, x: Value, a: GatherCall["attrs"]): Value {
  const last = a.start_index_map.map((d) => x.type.shape[d]! - a.slice_sizes[d]!);
  if (last.length === 0) return indices;
  const { shape, dtype } = indices.type;
  // A type that cannot hold the largest start cannot exceed it either.
  const greatest = 2 ** (dtype.endsWith("8") ? 7 : dtype.endsWith("16") ? 15 : 31) - 1;
  const bound = last.map((n) => Math.min(n, greatest));
  const limit = bound.every((n) => n === bound[0])
    ? constantLike(indices, bound[0]!)
    : broadcastInDim(constant({ shape: [bound.length], dtype }, bound), shape, [
        a.index_vector_dim,
      ]);
  const atMost = minimum(indices, limit);
  return dtype.startsWith("uint") ? atMost : maximum(atMost, 0);
}

/** Adds the same number to every component of an index. */
export const shiftIndices = (indices: Value, by: readonly number[], vectorDim: number): Value => {
  const { shape, dtype } = indices.type;
  return by.every((n) => n === by[0])
    ? add(indices, by[0] ?? 0)
    : add(indices, broadcastInDim(constant({ shape: [by.length], dtype }, by), shape, [vectorDim]));
};
