/** Operands of one instruction as the executor holds them: laid out once, with run-time addressing resolved before each use. */
import { OpenTrnError } from "@opentrn/base";
import {
  type AccessPattern,
  type DynamicOffset,
  elementsOf,
  type Storage,
  span,
} from "@opentrn/isa";
import { bytesOf, integerOf } from "@opentrn/numerics";
import { elementOffsets, type Strided } from "./dense.ts";
import type { MemoryMap } from "./memory-map.ts";

/** What the run-time offsets of an operand resolved to. */
export type Resolution = "inside" | "skip";

/** An operand in host memory whose address (and row offsets) may change between runs of the instruction. */
export interface LaidOut {
  readonly pattern: AccessPattern;
  readonly storage: Storage;
  strided: Strided;
  /** Byte offset of every element; made when first asked for, because kernels need none. */
  readonly offsets: Int32Array;
  /** For vectors of offsets: elements whose row is out of bounds (`oob_mode.skip`). */
  missing: Uint8Array | undefined;
  /** Resolves run-time addressing; absent for static operands. */
  readonly resolve?: () => Resolution;
  /** For vectors of offsets: resolves the rows alone. */
  readonly rows?: RowAddresses;
}

/** Where a vector of offsets put the rows of dimension 0. */
export interface RowAddresses {
  readonly resolve: () => void;
  /** Byte offset of each row. */
  readonly offsets: Int32Array;
  /** 1 for a row out of bounds (`oob_mode.skip`). */
  readonly missing: Uint8Array;
}

export interface LayoutContext {
  readonly map: MemoryMap;
  readonly storages: readonly Storage[];
  readonly core: number;
  /** Virtual registers, in host memory that kernels read too. */
  readonly registers: Int32Array;
  /** The rank that runs this and how many there are; set at the start of a run. */
  readonly launch: { rank: number; ranks: number };
}

/** Lays out a pattern; `skip` says what an out-of-bounds run-time offset does, `group` how many partitions share an index column. */
export function layOut(
  ctx: LayoutContext,
  op: string,
  name: string,
  p: AccessPattern,
  skip: boolean,
  group = 16,
): LaidOut {
  const storage = ctx.storages[p.storage]!;
  const { address, strides } = ctx.map.locate(p, ctx.core);
  const counts = p.dims.map((d) => d[1]);
  const strided: Strided = { address, strides, counts, dtype: ctx.map.dtype(p.dtype) };
  let offsets: Int32Array | undefined;
  const laid: LaidOut = {
    pattern: p,
    storage,
    strided,
    get offsets() {
      offsets ??= elementOffsets(strides, counts);
      return offsets;
    },
    missing: undefined,
  };
  const d = p.dynamic;
  if (!d) return laid;
  const size = bytesOf(strided.dtype);
  const limit = storage.rowBytes / bytesOf(p.dtype);
  const outside = (index: number, from: number, to: number): Resolution => {
    if (skip) return "skip";
    throw new OpenTrnError(
      `${op}: the run-time offset of ${name} is ${index}; it reaches elements ${from} to ${to} of ${storage.name} ${storage.dtype}[${storage.shape}], which holds ${limit}. Use oob_mode.skip to leave such transfers out`,
      { category: "out of bounds", rule: `${op} G6` },
    );
  };
  if (d.kind === "register" || d.kind === "scalar") {
    const read =
      d.kind === "register" ? () => ctx.registers[d.register]! : scalarReader(ctx, d.index);
    const reach = span(p, storage.space);
    const { low, high } = shiftsOf(p, storage);
    return Object.assign(laid, {
      resolve: (): Resolution => {
        const index = read();
        const shift = index * d.stride;
        if (shift < low || shift > high)
          return outside(index, reach.first + shift, reach.last + shift);
        laid.strided = { ...strided, address: address + shift * size };
        return "inside";
      },
    });
  }
  if (d.kind === "indirect") {
    const [P, n] = [counts[0]!, elementsOf(p) / counts[0]!];
    const readIndex = indexReader(ctx, d.index, Math.ceil(n / group) * P);
    const perRow = d.index.dims[1]?.[1] ?? 1;
    return Object.assign(laid, {
      resolve: (): Resolution => {
        for (let partition = 0; partition < P; partition++)
          for (let i = 0; i < n; i++) {
            // Snake order inside each group of partitions: element i is indexed by row i % G, column floor(i / G) of its group.
            const row = partition - (partition % group) + (i % group);
            const index = readIndex(row * perRow + Math.floor(i / group));
            const at = p.offset + index * d.stride;
            if (at < 0 || at >= limit) outside(index, at, at);
            laid.offsets[partition * n + i] = partition * strides[0]! + index * d.stride * size;
          }
        return "inside";
      },
    });
  }
  const rows = vectorRows(ctx, d, p, storage, counts[0]!, size, outside);
  const inRow = elementsOf(p) / counts[0]!;
  let rowOffsets: Int32Array | undefined;
  return Object.assign(laid, {
    rows,
    resolve: (): Resolution => {
      rows.resolve();
      rowOffsets ??= elementOffsets(strides.slice(1), counts.slice(1));
      laid.missing = undefined;
      for (let r = 0; r < counts[0]!; r++) {
        if (rows.missing[r] === 1) {
          laid.missing ??= new Uint8Array(counts[0]! * inRow);
          laid.missing.fill(1, r * inRow, (r + 1) * inRow);
        }
        const base = rows.offsets[r]!;
        for (let i = 0; i < inRow; i++) laid.offsets[r * inRow + i] = base + rowOffsets[i]!;
      }
      return "inside";
    },
  });
}

/** By how many elements run-time addressing may shift a pattern that stays inside its tensor. */
export function shiftsOf(
  p: AccessPattern,
  storage: Storage,
): { readonly low: number; readonly high: number } {
  const { first, last } = span(p, storage.space);
  return { low: -first, high: storage.rowBytes / bytesOf(p.dtype) - 1 - last };
}

/** Rows of a pattern whose dimension 0 takes its positions from a vector; `outside` throws or allows leaving a row out. */
function vectorRows(
  ctx: LayoutContext,
  d: DynamicOffset & { readonly kind: "vector" },
  p: AccessPattern,
  storage: Storage,
  rows: number,
  size: number,
  outside: (index: number, from: number, to: number) => Resolution,
): RowAddresses {
  const reach = span(p, storage.space);
  const { low, high } = shiftsOf(p, storage);
  const readIndex = indexReader(ctx, d.index, rows);
  const position = vectorOrder(ctx, d.index);
  const offsets = new Int32Array(rows);
  const missing = new Uint8Array(rows);
  const resolve = (): void => {
    for (let r = 0; r < rows; r++) {
      const index = readIndex(position(r));
      const shift = index * d.stride;
      const inside = index >= 0 && shift >= low && shift <= high;
      if (!inside) outside(index, reach.first + shift, reach.last + shift);
      missing[r] = inside ? 0 : 1;
      offsets[r] = inside ? shift * size : 0;
    }
  };
  return { resolve, offsets, missing };
}

/**
 * Row-major position of the `r`-th offset of a vector. An on-chip tile of several columns is filled partition first: offset r lies in
 * row r % rows, column floor(r / rows) (NKI API reference, nki.isa.dma_transpose).
 */
function vectorOrder(ctx: LayoutContext, p: AccessPattern): (r: number) => number {
  const rows = p.dims[0]![1];
  const columns = elementsOf(p) / rows;
  if (columns === 1 || ctx.storages[p.storage]!.space === "hbm") return (r) => r;
  return (r) => (r % rows) * columns + Math.floor(r / rows);
}

/** Address of the index of each row. */
export function rowIndexAddresses(ctx: LayoutContext, p: AccessPattern, rows: number): Int32Array {
  const { address, offsets } = indexOffsets(ctx, p, rows);
  const position = vectorOrder(ctx, p);
  return Int32Array.from({ length: rows }, (_, r) => address + offsets[position(r)]!);
}

/** Reads the one integer of an index tile. */
export function scalarReader(ctx: LayoutContext, p: AccessPattern): () => number {
  const at = indexReader(ctx, p, 1);
  return () => at(0);
}

/** Where the integers of an index tile lie, in row-major order. */
function indexOffsets(
  ctx: LayoutContext,
  p: AccessPattern,
  rows: number,
): { readonly address: number; readonly offsets: Int32Array } {
  const { address, strides } = ctx.map.locate(p, ctx.core);
  const offsets = elementOffsets(
    strides,
    p.dims.map((d) => d[1]),
  );
  if (offsets.length < rows)
    throw new OpenTrnError(`a vector of ${offsets.length} offsets addresses ${rows} rows`, {
      category: "invalid program",
      rule: "vector offset",
    });
  return { address, offsets };
}

/** Reads the `r`-th integer of an index tile in row-major order. */
function indexReader(ctx: LayoutContext, p: AccessPattern, rows: number): (r: number) => number {
  const { address, offsets } = indexOffsets(ctx, p, rows);
  const size = bytesOf(p.dtype);
  const { map } = ctx;
  return (r) => {
    const a = address + offsets[r]!;
    const bits =
      size === 4 ? map.u32[a >>> 2]! : size === 2 ? map.u8[a]! | (map.u8[a + 1]! << 8) : map.u8[a]!;
    return integerOf(bits, p.dtype);
  };
}
