/** scatter: adds or writes windows of updates into a tensor at run-time indices. The gradient of gather is one. */

import { OpenTrnError } from "@opentrn/base";
import { scatter as build, gather } from "../build/indexed.ts";
import { convert } from "../build/selection.ts";
import { pad } from "../build/shape.ts";
import { constantLike } from "../build/sources.ts";
import { type Call, type Constraint, operation } from "../define.ts";
import type { Value } from "../graph.ts";
import { offsetAt, otherDims, pick, stridesOf, walk } from "../indexing.ts";
import { allocate } from "../storage.ts";
import { printType, sameShape } from "../types.ts";
import { ascending, inRange, length, list } from "./dims.ts";
import { shiftIndices } from "./gather.ts";
import { batchShape, forEachWindow, type Parties, windowDims, windowRules } from "./window-dims.ts";

export const scatterBodies = ["add", "update"] as const;
export type ScatterBody = (typeof scatterBodies)[number];

const attrs = {
  body: { kind: "enum", values: scatterBodies },
  update_window_dims: { kind: "ints", default: [] },
  inserted_window_dims: { kind: "ints", default: [] },
  input_batching_dims: { kind: "ints", default: [] },
  scatter_indices_batching_dims: { kind: "ints", default: [] },
  scatter_dims_to_operand_dims: { kind: "ints", default: [] },
  index_vector_dim: { kind: "int" },
  unique_indices: { kind: "bool", default: false },
} as const;
type ScatterCall = Call<typeof attrs>;

const parties = ({ operands, attrs: a }: ScatterCall): Parties => ({
  operand: operands[0]!,
  indices: operands[1]!,
  dims: {
    offset: a.update_window_dims,
    collapsed: a.inserted_window_dims,
    operandBatching: a.input_batching_dims,
    indicesBatching: a.scatter_indices_batching_dims,
    indexMap: a.scatter_dims_to_operand_dims,
    vectorDim: a.index_vector_dim,
  },
  names: {
    offset: "update_window_dims",
    collapsed: "inserted_window_dims",
    operandBatching: "input_batching_dims",
    indicesBatching: "scatter_indices_batching_dims",
    indexMap: "scatter_dims_to_operand_dims",
    vectorDim: "index_vector_dim",
  },
});

const shared = (rule: string): Constraint<typeof attrs> => ({
  says: windowRules[rule]!.says,
  broken: (call) => windowRules[rule]!.broken(parties(call)),
});

/** Size of a window in every dimension of the operand. */
const windowSizes = (call: ScatterCall): readonly number[] => {
  const p = parties(call);
  const inside = windowDims(p);
  const updates = call.operands[2]!.shape;
  return p.operand.shape.map((_, d) => {
    const i = inside.indexOf(d);
    return i < 0 ? 1 : updates[p.dims.offset[i]!]!;
  });
};

export const scatter = operation({
  name: "scatter",
  summary:
    "The input with every update added, or written, at its index, in ascending order; what falls outside is dropped.",
  differs:
    "the body is named; one input; sums are held in fp32 and rounded to the type once; the last of several writes stays",
  operands: [
    { name: "input", takes: "number" },
    { name: "scatter_indices", takes: "integer" },
    { name: "updates", takes: "number" },
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
      says: "update_window_dims has an entry for every other dimension of the input",
      broken: (call) =>
        length(
          "update_window_dims",
          call.attrs.update_window_dims,
          windowDims(parties(call)).length,
        ),
    },
    C8: {
      says: "update_window_dims are dimensions of updates, ascending",
      broken: ({ operands: [, , u], attrs: { update_window_dims: dims } }) =>
        inRange("update_window_dims", dims, u!.shape.length) ??
        ascending("update_window_dims", dims),
    },
    C9: {
      says: "the other dimensions of updates are those of the indices without their vectors, and windows fit the input",
      broken: (call) => {
        const p = parties(call);
        const updates = call.operands[2]!;
        const outer = pick(updates.shape, otherDims(updates.shape.length, p.dims.offset));
        if (!sameShape(outer, batchShape(p)))
          return `updates ${printType(updates)} have ${list(outer)} outside windows, the indices ${list(batchShape(p))}`;
        const sizes = windowSizes(call);
        const big = sizes.findIndex((n, d) => n > p.operand.shape[d]!);
        return big < 0
          ? undefined
          : `a window has ${sizes[big]} elements in dimension ${big} of ${printType(p.operand)}`;
      },
    },
    C10: {
      says: "input and updates have the same element type",
      broken: ({ operands: [x, , u] }) =>
        x!.dtype === u!.dtype ? undefined : `${printType(x!)} and ${printType(u!)}; convert one`,
    },
  },
  infer: ({ operands }) => [operands[0]!],
  evaluate: ([x, indices, updates], call) => {
    const p = parties(call);
    const { shape } = p.operand;
    const out = allocate(call.results[0]!, call.arithmetic);
    out.set(x!);
    const sizes = windowSizes(call);
    const inside = windowDims(p);
    const to = stridesOf(shape);
    const from = stridesOf(call.operands[2]!.shape);
    const batchFrom = pick(from, otherDims(from.length, p.dims.offset));
    const offsetFrom = pick(from, p.dims.offset);
    const adds = call.attrs.body === "add";
    forEachWindow(p, indices!, (start, batchIndex) => {
      // The part of the window that lies inside.
      const low = sizes.map((_, d) => Math.max(0, -start[d]!));
      const count = sizes.map((n, d) => Math.min(n, shape[d]! - start[d]!) - low[d]!);
      if (count.some((n) => n <= 0)) return;
      const first = start.map((s, d) => s + low[d]!);
      walk(
        pick(count, inside),
        { offset: offsetAt(first, to), strides: pick(to, inside) },
        {
          offset: offsetAt(batchIndex, batchFrom) + offsetAt(pick(low, inside), offsetFrom),
          strides: offsetFrom,
        },
        (i, j) => {
          out[i] = adds ? out[i]! + updates![j]! : updates![j]!;
        },
      );
    });
    return [out];
  },
  gradient: (call) => {
    const { operands, attrs: a, cotangent: g, needs } = call;
    const [x, indices, updates] = operands as [Value, Value, Value];
    if (a.body === "update" && !a.unique_indices)
      throw new OpenTrnError(
        "scatter that writes has a gradient only where no element is written twice; set uniqueIndices if that is so",
        { category: "invalid program", rule: "scatter gradient", at: call.op.site.location },
      );
    const dims = {
      updateWindowDims: a.update_window_dims,
      insertedWindowDims: a.inserted_window_dims,
      inputBatchingDims: a.input_batching_dims,
      scatterIndicesBatchingDims: a.scatter_indices_batching_dims,
      scatterDimsToOperandDims: a.scatter_dims_to_operand_dims,
      indexVectorDim: a.index_vector_dim,
    };
    const ofInput = () =>
      a.body === "add"
        ? g
        : build(g, indices, constantLike(updates, 0), {
            ...dims,
            body: "update",
            uniqueIndices: true,
          });
    /** What was dropped gets nothing: gather from g with zeros around it as wide as a window. */
    const ofUpdates = (): Value => {
      const sizes = windowSizes({ operands: operands.map((v) => v.type), attrs: a });
      const map = a.scatter_dims_to_operand_dims;
      const margin = x.type.shape.map((_, d) => (map.includes(d) ? sizes[d]! : 0));
      const wide = indices.type.dtype.endsWith("32") ? indices : convert(indices, "int32");
      return gather(
        pad(g, 0, { low: margin, high: margin }),
        shiftIndices(wide, pick(margin, map), a.index_vector_dim),
        {
          offsetDims: a.update_window_dims,
          collapsedSliceDims: a.inserted_window_dims,
          operandBatchingDims: a.input_batching_dims,
          startIndicesBatchingDims: a.scatter_indices_batching_dims,
          startIndexMap: map,
          indexVectorDim: a.index_vector_dim,
          sliceSizes: sizes,
        },
      );
    };
    return [needs[0] ? ofInput() : undefined, undefined, needs[2] ? ofUpdates() : undefined];
  },
});
