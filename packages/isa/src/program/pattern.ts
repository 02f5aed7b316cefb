/** Operands of an instruction inside a Program: access patterns over named storages, immediates and registers. */
import { bytesOf, type DType } from "@opentrn/numerics";
import type { Space } from "../define.ts";

export type Dims = readonly (readonly [stride: number, count: number])[];

/** Run-time part of an address. `stride` elements of the pattern's dtype are added per index step; indices lie in [0, limit). */
export type DynamicOffset =
  | {
      readonly kind: "register";
      readonly stride: number;
      readonly limit: number;
      readonly register: number;
    }
  | {
      readonly kind: "scalar";
      readonly stride: number;
      readonly limit: number;
      readonly index: AccessPattern;
    }
  /** Per outermost index: dimension 0 of the pattern takes its position from `index[i]` instead of `i`. */
  | {
      readonly kind: "vector";
      readonly stride: number;
      readonly limit: number;
      readonly index: AccessPattern;
    }
  /** trn3 tensor indirection: free positions come from `index` in snake order. */
  | {
      readonly kind: "indirect";
      readonly stride: number;
      readonly limit: number;
      readonly index: AccessPattern;
    };

/**
 * `storage[partition.., offset + sum(stride_i * i_i)]`. On chip, `dims[0]` is the partition dimension and its stride counts
 * partitions; all other strides and `offset` count elements of `dtype` inside one partition. In HBM everything counts elements.
 */
export interface AccessPattern {
  readonly storage: number;
  readonly dtype: DType;
  readonly partition: number;
  readonly offset: number;
  readonly dims: Dims;
  readonly dynamic?: DynamicOffset;
}

export type Operand =
  | { readonly kind: "tile"; readonly pattern: AccessPattern }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "int"; readonly value: number }
  | { readonly kind: "register"; readonly register: number };

export type StorageKind = "input" | "output" | "internal" | "constant";

/** One tensor's memory. On chip: `shape[0]` partitions of `rowBytes`; HBM: one flat range of `rowBytes`. */
export interface Storage {
  readonly id: number;
  readonly name: string;
  readonly space: Space;
  readonly kind: StorageKind;
  /** Owning core; -1 when all cores of the launch share it. */
  readonly core: number;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly partitions: number;
  readonly rowBytes: number;
  /** Address the user pinned: first partition and byte offset in the partition. */
  readonly pinned?: { readonly partition: number; readonly offset: number };
  /** Index of the source line that created it. */
  readonly line: number;
  /** Contents of a constant. */
  data?: Uint8Array;
}

/** Elements of the pattern, all dimensions. */
export const elementsOf = (p: AccessPattern): number => p.dims.reduce((n, d) => n * d[1], 1);

/** Smallest and largest element offset touched inside one partition (on chip) or in the tensor (HBM), static part only. */
export function span(
  p: AccessPattern,
  space: Space,
): { readonly first: number; readonly last: number } {
  let first = p.offset;
  let last = p.offset;
  for (let i = space === "hbm" ? 0 : 1; i < p.dims.length; i++) {
    const [stride, count] = p.dims[i]!;
    if (p.dynamic?.kind === "vector" && i === 0) continue;
    if (stride < 0) first += stride * (count - 1);
    else last += stride * (count - 1);
  }
  return { first, last };
}

/** How many runs `forRuns` visits over all dimensions. */
export function runsOf(p: AccessPattern): number {
  const dims = p.dims.filter(([stride, count]) => count !== 1 && stride !== 0);
  let run = 1;
  while (dims.length > 0 && dims[dims.length - 1]![0] === run) run *= dims.pop()![1];
  return dims.reduce((n, d) => n * d[1], 1);
}

/** Calls `visit(fromByte, toByte)` for each contiguous run of the free dimensions (those from `first` on) until it returns false. */
export function forRuns(
  p: AccessPattern,
  first: number,
  visit: (from: number, to: number) => boolean,
): void {
  const size = bytesOf(p.dtype);
  // A dimension of stride 0 visits the same elements again.
  const dims = p.dims.slice(first).filter(([stride, count]) => count !== 1 && stride !== 0);
  let run = 1;
  while (dims.length > 0 && dims[dims.length - 1]![0] === run) run *= dims.pop()![1];
  const index = dims.map(() => 0);
  let at = p.offset;
  for (;;) {
    if (!visit(at * size, (at + run) * size)) return;
    let d = dims.length - 1;
    for (; d >= 0; d--) {
      const [stride, count] = dims[d]!;
      at += stride;
      if (++index[d]! < count) break;
      at -= stride * count;
      index[d] = 0;
    }
    if (d < 0) return;
  }
}
