/**
 * Loads of operands into SBUF as the array takes them, K on partitions. A tensor whose columns are contiguous comes in by plain transfers,
 * one whose K is contiguous by transposing ones. The last K tile, where it is not full, is a tensor of its own.
 */
import { invariant } from "@opentrn/base";
import { records } from "@opentrn/isa";
import { bytesOf } from "@opentrn/numerics";
import type { Emitter } from "../../emit/emitter.ts";
import { View } from "../../emit/view.ts";
import { type Axis, boxes, countOf, offsetAt } from "./axes.ts";
import { fullTiles, type Held, type KTiles, restRows, tileCount } from "./k-tiles.ts";
import type { Side } from "./product.ts";
import type { Chunk } from "./units.ts";

/** Dimensions of a transfer. */
const MOST_DIMS = 5;

/** Bytes of a partition that one transfer brings; fewer at the start, so that the array has something to do early. */
const PIECE = 8192;
const FIRST_PIECE = 2048;

/** An operand in HBM and how it comes in. */
export interface Operand {
  readonly source: View;
  readonly side: Side;
  /** K is contiguous in HBM: transposing transfers. */
  readonly turned: boolean;
  readonly layout: KTiles;
}

/** Whether an operand with K contiguous can be moved two elements of K at a time. */
export function pairsUp(source: View, side: Side): boolean {
  const places = [source.pattern.offset, ...[...side.batch, ...side.free].map((a) => a[0])];
  return places.every((n) => n % 2 === 0);
}

/** Loads a chunk. */
export function loadChunk(emit: Emitter, o: Operand, chunk: Chunk, into: Held): void {
  const { side, layout } = o;
  const { kFrom, kTo } = chunk;
  const base = offsetAt(side.batch, chunk.batch);
  const full = Math.min(kTo, fullTiles(layout));
  const most = chunk.first === 0 ? FIRST_PIECE : PIECE;
  const bytes = (chunk.to - chunk.from) * bytesOf(o.source.dtype);
  const few = Math.max(1, Math.floor(most / bytes));
  const step = layout.paired ? 2 * few : side.k.length > 1 ? 1 : few;
  const rest = kTo >= tileCount(layout) && restRows(layout) > 0;
  for (const f of boxes(side.free, chunk.from, chunk.to)) {
    const at = f.from - chunk.from;
    const columns = (v: View): View => v.slice(v.shape.length - 1, at, at + countOf(f.dims));
    const from = { offset: base + f.offset, free: f.dims };
    for (let tile = kFrom; tile < full; tile += step) {
      const to = Math.min(full, tile + step);
      if (layout.paired)
        pairs(emit, o, from, tile, to, columns(cut(into, tile - kFrom, to - kFrom)));
      else
        several(emit, o, from, tile, to, columns(into.whole!.slice(1, tile - kFrom, to - kFrom)));
    }
    if (!rest) continue;
    if (layout.paired) pairs(emit, o, from, fullTiles(layout), undefined, columns(into.rest!));
    else partly(emit, o, from, fullTiles(layout) * layout.height, layout.K, columns(into.rest!));
  }
}

const cut = ({ whole }: Held, from: number, to: number): View => whole!.slice(1, from / 2, to / 2);

/** Columns of an operand in HBM. */
interface Columns {
  readonly offset: number;
  readonly free: readonly Axis[];
}

/** Full K tiles [from, to). */
function several(emit: Emitter, o: Operand, c: Columns, from: number, to: number, dst: View): void {
  const { height } = o.layout;
  const [k] = o.side.k;
  if (o.side.k.length !== 1) {
    for (let t = from; t < to; t++)
      partly(emit, o, c, t * height, (t + 1) * height, dst.at(1, t - from));
    return;
  }
  const offset = c.offset + from * height * k![0];
  const tiles: Axis = [k![0] * height, to - from];
  bring(emit, o, { offset, rows: [[k![0], height]], middle: [tiles], free: c.free, dst });
}

/** K [from, to) of one tile. */
function partly(emit: Emitter, o: Operand, c: Columns, from: number, to: number, dst: View): void {
  for (const b of boxes(o.side.k, from, to)) {
    const at = b.from - from;
    const part = dst.slice(0, at, at + countOf(b.dims));
    bring(emit, o, {
      offset: c.offset + b.offset,
      rows: b.dims,
      middle: [],
      free: c.free,
      dst: part,
    });
  }
}

/** Pairs of K tiles [from, to), or what is left after the full ones. */
function pairs(
  emit: Emitter,
  o: Operand,
  c: Columns,
  from: number,
  to: number | undefined,
  dst: View,
): void {
  const [k] = o.side.k;
  const rows = to === undefined ? restRows(o.layout) : o.layout.height;
  const groups: readonly Axis[] =
    to === undefined ? [] : [[2 * o.layout.height * k![0], (to - from) / 2]];
  const offset = c.offset + from * o.layout.height * k![0];
  if (!o.turned) {
    const part = { offset, rows: [[2 * k![0], rows]] as const, free: c.free, dst };
    bring(emit, o, { ...part, middle: [...groups, [k![0], 2]] });
    return;
  }
  // 16-bit elements: half the strides, and K one after the other.
  const half = ([stride, count]: Axis): Axis => [stride / 2, count];
  const { pattern } = o.source;
  invariant(pattern.offset % 2 === 0, "pairs start at even elements");
  const source = new View("hbm", { ...pattern, dtype: "uint16", offset: pattern.offset / 2 });
  const middle = groups.map(half);
  const part = {
    offset: offset / 2,
    rows: [[1, rows]] as const,
    middle,
    free: c.free.map(half),
    dst,
  };
  bring(emit, { ...o, source }, part);
}

interface Part {
  readonly offset: number;
  /** Axes of HBM that go to partitions, to K tiles and to columns. */
  readonly rows: readonly Axis[];
  readonly middle: readonly Axis[];
  readonly free: readonly Axis[];
  /** [rows, middle, columns]. */
  readonly dst: View;
}

/** One transfer, or several where axes are too many for one. */
function bring(emit: Emitter, o: Operand, part: Part): void {
  const { offset, rows, middle, free, dst } = part;
  const turns = o.turned && rows.length === 1;
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
    const src = o.source.strided(offset, [...rows, ...middle, ...columns]);
    emit.emit(records.dmaCopy, { dst, src });
  } else if (countOf(columns) > 1) {
    const src = o.source.strided(offset, [columns[0]!, ...middle, rows[0]!]);
    emit.emit(records.dmaTranspose, { dst, src });
  } else if (middle.length > 0) {
    const src = o.source.strided(offset, [middle[0]!, rows[0]!]);
    emit.emit(records.dmaTranspose, { dst: dst.at(2, 0), src });
  } else emit.emit(records.dmaCopy, { dst, src: o.source.strided(offset, [rows[0]!, [1, 1]]) });
}
