/** Builders of operations at run-time indices: gather, scatter, dynamic slices, and the forms of them that models use. */
import { emitOne, type Value } from "../graph.ts";
import { range } from "../indexing.ts";
import type { ScatterBody } from "../ops/scatter.ts";
import { concatenate, reshape } from "./shape.ts";
import { constant, constantLike } from "./sources.ts";

/** StableHLO's dimension numbers; lists left out are empty. */
export interface GatherDims {
  readonly offsetDims?: readonly number[];
  readonly collapsedSliceDims?: readonly number[];
  readonly operandBatchingDims?: readonly number[];
  readonly startIndicesBatchingDims?: readonly number[];
  readonly startIndexMap?: readonly number[];
  readonly indexVectorDim: number;
  readonly sliceSizes: readonly number[];
}

/** Slices of x that start at the indices, clamped so that each lies inside. */
export const gather = (x: Value, startIndices: Value, d: GatherDims): Value =>
  emitOne("gather", [x, startIndices], {
    offset_dims: d.offsetDims ?? [],
    collapsed_slice_dims: d.collapsedSliceDims ?? [],
    operand_batching_dims: d.operandBatchingDims ?? [],
    start_indices_batching_dims: d.startIndicesBatchingDims ?? [],
    start_index_map: d.startIndexMap ?? [],
    index_vector_dim: d.indexVectorDim,
    slice_sizes: d.sliceSizes,
  });

export interface ScatterDims {
  readonly updateWindowDims?: readonly number[];
  readonly insertedWindowDims?: readonly number[];
  readonly inputBatchingDims?: readonly number[];
  readonly scatterIndicesBatchingDims?: readonly number[];
  readonly scatterDimsToOperandDims?: readonly number[];
  readonly indexVectorDim: number;
  /** Whether updates are added to what is there or replace it. */
  readonly body: ScatterBody;
  /** No element is written twice, so that a replacing scatter can be differentiated. */
  readonly uniqueIndices?: boolean;
}

/** x with every update added or written at its index; what falls outside is dropped. */
export const scatter = (x: Value, indices: Value, updates: Value, d: ScatterDims): Value =>
  emitOne("scatter", [x, indices, updates], {
    body: d.body,
    update_window_dims: d.updateWindowDims ?? [],
    inserted_window_dims: d.insertedWindowDims ?? [],
    input_batching_dims: d.inputBatchingDims ?? [],
    scatter_indices_batching_dims: d.scatterIndicesBatchingDims ?? [],
    scatter_dims_to_operand_dims: d.scatterDimsToOperandDims ?? [],
    index_vector_dim: d.indexVectorDim,
    unique_indices: d.uniqueIndices ?? false,
  });

/** Rows of table [V, ...rest] at ids [...shape]: [...shape, ...rest]. Embedding lookup. */
export function takeRows(table: Value, ids: Value): Value {
  const batch = ids.type.shape.length;
  const [, ...rest] = table.type.shape;
  return gather(table, ids, {
    offsetDims: rest.map((_, i) => batch + i),
    collapsedSliceDims: [0],
    startIndexMap: [0],
    indexVectorDim: batch,
    sliceSizes: [1, ...rest],
  });
}

/** table [V, ...rest] with rows [...shape, ...rest] added at ids [...shape]. */
export function addRows(table: Value, ids: Value, rows: Value): Value {
  const batch = ids.type.shape.length;
  return scatter(table, ids, rows, {
    updateWindowDims: table.type.shape.slice(1).map((_, i) => batch + i),
    insertedWindowDims: [0],
    scatterDimsToOperandDims: [0],
    indexVectorDim: batch,
    body: "add",
  });
}

/** result[i, j, k] = x[i, indices[i, j, k], k] for axis 1; indices has x's shape but for any size along `axis`. */
export function takeAlongAxis(x: Value, indices: Value, axis: number): Value {
  const rank = x.type.shape.length;
  const others = range(rank).filter((d) => d !== axis);
  return gather(x, indices, {
    collapsedSliceDims: [axis],
    operandBatchingDims: others,
    startIndicesBatchingDims: others,
    startIndexMap: [axis],
    indexVectorDim: rank,
    sliceSizes: x.type.shape.map(() => 1),
  });
}

/** One start for every dimension: a scalar integer value, or a known number. */
export type Starts = readonly (Value | number)[];

const startValues = (starts: Starts): readonly Value[] => {
  const like = starts.find((s) => typeof s !== "number");
  return starts.map((s) =>
    typeof s !== "number"
      ? s
      : like
        ? constantLike(like, s)
        : constant({ shape: [], dtype: "int32" }, s),
  );
};

/** The slice of those sizes at run-time starts, clamped so that it lies inside. */
export const dynamicSlice = (x: Value, starts: Starts, sizes: readonly number[]): Value =>
  emitOne("dynamic_slice", [x, ...startValues(starts)], { slice_sizes: sizes });

/** x with `update` written at run-time starts, clamped so that it lies inside. */
export const dynamicUpdateSlice = (x: Value, update: Value, starts: Starts): Value =>
  emitOne("dynamic_update_slice", [x, update, ...startValues(starts)], {});

/** Values of one shape along a new first dimension. */
export const stack = (values: readonly Value[]): Value =>
  concatenate(
    values.map((v) => reshape(v, [1, ...v.type.shape])),
    0,
  );
