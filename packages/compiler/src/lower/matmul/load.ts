/**
 * Loads of operands into SBUF as the array takes them: K on partitions, [rows, K tiles, columns]. A tensor whose columns are contiguous
 * comes in by plain transfers, one whose K is contiguous by transposing ones. The last K tile, where it is not full, is a tensor of its own.
 */
import { records } from "@opentrn/isa";
import { bytesOf, type DType } from "@opentrn/numerics";
import type { Emitter } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import { type Axis, boxes, countOf, offsetAt } from "./axes.ts";
import type { Side } from "./product.ts";
import type { Chunk } from "./units.ts";

/** Dimensions of a transfer. */
const MOST_DIMS = 5;

/** Bytes of a partition that one transfer brings; fewer at the start, so that the array has something to do early. */
const PIECE = 8192;
const FIRST_PIECE = 2048;

/** A chunk in SBUF: [rows, full K tiles, columns], and [what is left of K, columns]. */
export interface Held {
  readonly whole: View | undefined;
  readonly rest: View | undefined;
}

/** An operand in HBM and how it comes in. */
export interface Operand {
  readonly source: View;
  readonly side: Side;
  /** K is contiguous in HBM: transposing transfers. */
  readonly turned: boolean;
  readonly K: number;
}

/** Room for a chunk of at most `columns` columns and `tiles` K tiles. */
export function roomFor(
  emit: Emitter,
  dtype: DType,
  K: number,
  tiles: number,
  columns: number,
  name: string,
): Held {
  const rows = emit.chip.tensor.rows.value;
  const full = Math.min(tiles, Math.floor(K / rows));
  const rest = K % rows;
  return {
    whole: full > 0 ? emit.sbuf(dtype, [rows, full, columns], name) : undefined,
    rest: rest > 0 ? emit.sbuf(dtype, [rest, columns], `${name}_rest`) : undefined,
  };
}

/** Loads a chunk. */
export function loadChunk(emit: Emitter, o: Operand, chunk: Chunk, into: Held): void {
  const rows = emit.chip.tensor.rows.value;
  const { side, K } = o;
  const base = offsetAt(side.batch, chunk.batch);
  const { kFrom, kTo } = chunk;
  const full = Math.min(kTo, Math.floor(K / rows));
  const most = chunk.first === 0 ? FIRST_PIECE : PIECE;
  const bytes = (chunk.to - chunk.from) * bytesOf(o.source.dtype);
  const [k] = side.k;
  const step = side.k.length > 1 ? 1 : Math.max(1, Math.floor(most / bytes));
  for (const f of boxes(side.free, chunk.from, chunk.to)) {
    const at = f.from - chunk.from;
    const columns = (v: View): View => v.slice(v.shape.length - 1, at, at + countOf(f.dims));
    for (let tile = kFrom; tile < full; tile += step) {
      const to = Math.min(full, tile + step);
      const dst = columns(into.whole!.slice(1, tile - kFrom, to - kFrom));
      if (k && side.k.length === 1) {
        const offset = base + f.offset + tile * rows * k[0];
        bring(emit, o, {
          offset,
          rows: [[k[0], rows]],
          tiles: [k[0] * rows, to - tile],
          free: f.dims,
          dst,
        });
      } else partly(emit, o, base + f.offset, tile * rows, (tile + 1) * rows, f.dims, dst.at(1, 0));
    }
    if (kTo * rows > K && K % rows > 0)
      partly(emit, o, base + f.offset, full * rows, K, f.dims, columns(into.rest!));
  }
}

/** K [from, to) of one tile. */
function partly(
  emit: Emitter,
  o: Operand,
  base: number,
  from: number,
  to: number,
  free: readonly Axis[],
  dst: View,
): void {
  for (const b of boxes(o.side.k, from, to)) {
    const at = b.from - from;
    const part = dst.slice(0, at, at + countOf(b.dims));
    bring(emit, o, { offset: base + b.offset, rows: b.dims, tiles: undefined, free, dst: part });
  }
}

interface Part {
  readonly offset: number;
  /** Axes of HBM that go to partitions, to K tiles and to columns. */
  readonly rows: readonly Axis[];
  readonly tiles: Axis | undefined;
  readonly free: readonly Axis[];
  /** [rows, tiles where there are some, columns]. */
  readonly dst: View;
}

/** One transfer, or several where axes are too many for one. */
function bring(emit: Emitter, o: Operand, part: Part): void {
  const { offset, rows, tiles, free, dst } = part;
  const turns = o.turned && rows.length === 1;
  const middle = tiles ? [tiles] : [];
  if (free.length > (turns ? 1 : MOST_DIMS - rows.length - middle.length)) {
    const [outer, ...inner] = free;
    const size = countOf(inner);
    for (let i = 0; i < outer![1]; i++)
      bring(emit, o, {
        ...part,
        offset: offset + i * outer![0],
        free: inner,
        dst: dst.slice(dst.shape.length - 1, i * size, (i + 1) * size),
      });
    return;
  }
  const columns = free.length === 0 ? ([[1, 1]] as const) : free;
  if (!turns) {
    emit.emit(records.dmaCopy, {
      dst,
      src: o.source.strided(offset, [...rows, ...middle, ...columns]),
    });
    return;
  }
  if (countOf(columns) > 1) {
    const src = o.source.strided(offset, [columns[0]!, ...middle, rows[0]!]);
    emit.emit(records.dmaTranspose, { dst, src });
  } else if (tiles) {
    const src = o.source.strided(offset, [tiles, rows[0]!]);
    emit.emit(records.dmaTranspose, { dst: dst.at(2, 0), src });
  } else emit.emit(records.dmaCopy, { dst, src: o.source.strided(offset, [rows[0]!, [1, 1]]) });
}
