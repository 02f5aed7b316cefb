/** What gather and scatter address: windows of a dense tensor, each at the sum of run-time starts times strides. */
import { type Operation, sizeOf } from "@opentrn/ir";

export interface Windows {
  /** Windows, and the shape they are arranged in. */
  readonly count: number;
  readonly batchShape: readonly number[];
  /** For every component of an index: the operand's stride, and the last start at which the window fits. */
  readonly components: readonly { readonly stride: number; readonly last: number }[];
  /** Elements to add to each window's start, in order; absent when all are 0. */
  readonly offsets?: Int32Array;
  /** Elements and strides of a window, the operand's dimensions that are left. */
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
  /** Starts in elements at which a window still fits: [0, starts). */
  readonly starts: number;
  /** Dimensions of the windowed tensor (gather's result, scatter's updates): of the batch, then of the window. */
  readonly order: readonly number[];
  /** A window may start where only part of it lies inside. */
  readonly partial: boolean;
  readonly vectorDim: number;
}

const names = {
  gather: [
    "offset_dims",
    "collapsed_slice_dims",
    "operand_batching_dims",
    "start_indices_batching_dims",
    "start_index_map",
  ],
  scatter: [
    "update_window_dims",
    "inserted_window_dims",
    "input_batching_dims",
    "scatter_indices_batching_dims",
    "scatter_dims_to_operand_dims",
  ],
} as const;

const stridesOf = (shape: readonly number[]): readonly number[] => {
  const strides = shape.map(() => 1);
  for (let d = shape.length - 2; d >= 0; d--) strides[d] = strides[d + 1]! * shape[d + 1]!;
  return strides;
};

export function windowsOf(op: Operation): Windows {
  const kind = op.name as keyof typeof names;
  const [offset, collapsed, operandBatching, indicesBatching, indexMap] = names[kind].map(
    (n) => op.attrs[n] as readonly number[],
  ) as [
    readonly number[],
    readonly number[],
    readonly number[],
    readonly number[],
    readonly number[],
  ];
  const operand = op.operands[0]!.type.shape;
  const indices = op.operands[1]!.type.shape;
  const windowed = (kind === "gather" ? op.results[0]! : op.operands[2]!).type.shape;
  const vectorDim = op.attrs["index_vector_dim"] as number;
  const inside = operand
    .map((_, d) => d)
    .filter((d) => !collapsed.includes(d) && !operandBatching.includes(d));
  const strides = stridesOf(operand);
  const sizeAt = (d: number): number =>
    inside.includes(d) ? windowed[offset[inside.indexOf(d)]!]! : 1;
  const batch = indices.filter((_, d) => d !== vectorDim);
  const outer = windowed.map((_, d) => d).filter((d) => !offset.includes(d));
  const span = inside.reduce((n, d) => n + (sizeAt(d) - 1) * strides[d]!, 0);
  const offsets = batchOffsets(
    batch,
    operandBatching.map((d, i) => ({
      // A dimension of the indices counts as one of the batch without the components.
      dim: indicesBatching[i]! - (indicesBatching[i]! > vectorDim ? 1 : 0),
      stride: strides[d]!,
    })),
  );
  return {
    count: sizeOf(batch),
    batchShape: batch,
    components: indexMap.map((d) => ({ stride: strides[d]!, last: operand[d]! - sizeAt(d) })),
    ...(offsets ? { offsets } : {}),
    sizes: inside.map(sizeAt),
    strides: inside.map((d) => strides[d]!),
    starts: sizeOf(operand) - span,
    order: [...outer, ...offset],
    partial: indexMap.some((d) => sizeAt(d) > 1),
    vectorDim,
  };
}

/** For every window: the sum of its batch coordinates times the strides of the operand's batching dimensions. */
function batchOffsets(
  batch: readonly number[],
  pairs: readonly { readonly dim: number; readonly stride: number }[],
): Int32Array | undefined {
  if (pairs.length === 0) return undefined;
  const steps = stridesOf(batch);
  return Int32Array.from({ length: sizeOf(batch) }, (_, i) =>
    pairs.reduce((n, { dim, stride }) => {
      const at = Math.floor(i / steps[dim]!) % batch[dim]!;
      return n + at * stride;
    }, 0),
  );
}
