/** Empties PSUM: ScalarE and VectorE share the work by what it costs each, and finished rows leave for HBM in wide transfers. */
import type { Chip } from "@opentrn/chips";
import { records } from "@opentrn/isa";
import type { DType } from "@opentrn/numerics";
import { type Emitter, ring } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import { type Axis, boxes, countOf, offsetAt } from "./axes.ts";
import { streamNs } from "./costs.ts";
import type { Unit } from "./units.ts";

/** Hands out work so that ScalarE and VectorE are done at the same time. */
export class Shared {
  private readonly busy = { vector: 0, scalar: 0 };
  private readonly chip: Chip;

  constructor(chip: Chip) {
    this.chip = chip;
  }

  /** The engine that would be done first with an instruction over `columns` elements a partition. */
  engine(columns: number): "vector" | "scalar" {
    const { vector, scalar } = this.chip.engines;
    const v = this.busy.vector + streamNs(vector, columns);
    const s = this.busy.scalar + streamNs(scalar, columns);
    if (v < s) {
      this.busy.vector = v;
      return "vector";
    }
    this.busy.scalar = s;
    return "scalar";
  }

  /** Work that only VectorE can do. */
  onVector(columns: number): void {
    this.busy.vector += streamNs(this.chip.engines.vector, columns);
  }
}

/** A unit's sums: in PSUM, and in SBUF those of the blocks of K before. */
export interface Sums {
  readonly psum: View;
  readonly before: View | undefined;
}

/** Keeps sums in SBUF between blocks of K. */
export class Waiting {
  private readonly emit: Emitter;
  private readonly shared: Shared;
  private readonly tiles: View[] = [];
  private readonly shape: readonly [number, number];

  /** `shape` is that of the largest unit. */
  constructor(emit: Emitter, shared: Shared, shape: readonly [number, number]) {
    this.emit = emit;
    this.shared = shared;
    this.shape = shape;
  }

  /** Puts the sums of a block of K to those before it; gives them back at the last one. */
  take(unit: Unit, psum: View): Sums | undefined {
    if (unit.begins && unit.ends) return { psum, before: undefined };
    const [rows, columns] = psum.shape as [number, number];
    this.tiles[unit.place] ??= this.emit.sbuf("float32", this.shape, "waiting");
    const held = this.tiles[unit.place]!.slice(0, 0, rows).slice(1, 0, columns);
    if (unit.ends) return { psum, before: held };
    if (unit.begins) copySums(this.emit, this.shared, held, { psum, before: undefined });
    else copySums(this.emit, this.shared, held, { psum, before: held });
    return undefined;
  }
}

/** dst = the sums, converting. */
export function copySums(emit: Emitter, shared: Shared, dst: View, { psum, before }: Sums): void {
  const { free } = psum;
  if (before) {
    shared.onVector(free);
    const operands = { dst, data1: before, data2: psum };
    emit.emit(records.tensorTensor, operands, { op: "add", engine: "vector" });
  } else if (shared.engine(free) === "scalar")
    emit.emit(records.activation, { dst, data: psum }, { op: "copy" });
  else emit.emit(records.tensorCopy, { dst, src: psum }, { engine: "vector" });
}

/** A result in HBM: its rows and columns as the product has them. */
export interface Target {
  readonly tensor: View;
  readonly batch: readonly Axis[];
  readonly rows: readonly Axis[];
  readonly columns: readonly Axis[];
}

/** Dimensions of a transfer. */
const MOST_DIMS = 5;

/** Stores a tile as rows [m, ...) and columns [n, ...) of a result. */
export function storeTile(
  emit: Emitter,
  t: Target,
  batch: number,
  m: number,
  n: number,
  tile: View,
): void {
  const base = offsetAt(t.batch, batch);
  const [height, width] = tile.shape as [number, number];
  for (const r of boxes(t.rows, m, m + height))
    for (const c of boxes(t.columns, n, n + width)) {
      const part = tile
        .slice(0, r.from - m, r.from - m + countOf(r.dims))
        .slice(1, c.from - n, c.from - n + countOf(c.dims));
      storeBox(emit, t.tensor, base + r.offset + c.offset, [...r.dims], [...c.dims], part);
    }
}

function storeBox(
  emit: Emitter,
  tensor: View,
  offset: number,
  rows: readonly Axis[],
  columns: readonly Axis[],
  src: View,
): void {
  if (rows.length + columns.length > MOST_DIMS && columns.length > 1) {
    const [[stride, count], ...inner] = columns as [Axis, ...Axis[]];
    const size = countOf(inner);
    for (let i = 0; i < count; i++)
      storeBox(
        emit,
        tensor,
        offset + i * stride,
        rows,
        inner,
        src.slice(1, i * size, (i + 1) * size),
      );
    return;
  }
  const dims = [...rows, ...columns];
  const dst = tensor.strided(offset, dims.length > 0 ? dims : [[1, 1]]);
  // GpSimd writes the descriptors: it is free, where the chip's own DGE would hold up ScalarE, or loads behind the store.
  const mode = emit.chip.dma.hardwareDge.value ? { dge_mode: "swdge" } : {};
  emit.emit(records.dmaCopy, { dst, src }, mode);
}

/** Rows of a result on their way out: columns are filled from the left, and a full or finished tile is stored. */
export class Rows {
  private readonly emit: Emitter;
  private readonly tile: (n: number) => View;
  private readonly most: number;
  private count = 0;
  private from = 0;
  private filled = 0;

  /** `depth` tiles of `rows` by `columns`. */
  constructor(emit: Emitter, dtype: DType, rows: number, columns: number, depth: number) {
    this.emit = emit;
    this.most = columns;
    this.tile = ring(depth, () => emit.sbuf(dtype, [rows, columns], "rows"));
  }

  /** Room for a unit, whose columns follow those before unless the tile is empty. */
  next({ m, mTo, n, nTo }: Unit): View {
    if (this.filled === 0) this.from = n;
    const at = n - this.from;
    this.filled = at + nTo - n;
    return this.tile(this.count)
      .slice(0, 0, mTo - m)
      .slice(1, at, this.filled);
  }

  /** Stores what is there if the unit was the last of its row, or the next one, of at most `columns`, would not fit. */
  done(unit: Unit, columns: number, target: Target): void {
    const next = Math.min(columns, countOf(target.columns) - unit.nTo);
    if (!unit.lastOfRow && this.filled + next <= this.most) return;
    const { batch, m, mTo } = unit;
    const src = this.tile(this.count)
      .slice(0, 0, mTo - m)
      .slice(1, 0, this.filled);
    storeTile(this.emit, target, batch, m, this.from, src);
    this.count++;
    this.filled = 0;
  }
}
