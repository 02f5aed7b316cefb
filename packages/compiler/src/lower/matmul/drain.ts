/** Empties PSUM: ScalarE and VectorE share the work by what it costs each, and finished rows leave for HBM in wide transfers. */
import type { Chip } from "@opentrn/chips";
import { records } from "@opentrn/isa";
import type { DType } from "@opentrn/numerics";
import { type Emitter, ring } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import { streamNs } from "./costs.ts";

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

/** dst = src, converting, on the engine given. */
export function copyOn(emit: Emitter, engine: "vector" | "scalar", dst: View, src: View): void {
  if (engine === "scalar") emit.emit(records.activation, { dst, data: src }, { op: "copy" });
  else emit.emit(records.tensorCopy, { dst, src }, { engine });
}

/** Descriptors of stores are written by GpSimd, which has nothing else to do, where the chip's own DGE would hold up ScalarE or loads. */
export const store = (emit: Emitter, dst: View, src: View): number =>
  emit.emit(
    records.dmaCopy,
    { dst, src },
    emit.chip.dma.hardwareDge.value ? { dge_mode: "swdge" } : {},
  );

/** Rows of the result on their way out: columns are filled from the left, and a full or finished tile is stored. */
export class Rows {
  private readonly emit: Emitter;
  private readonly tile: (n: number) => View;
  private count = 0;
  private from = 0;
  private filled = 0;
  readonly columns: number;

  constructor(emit: Emitter, dtype: DType, rows: number, columns: number, depth: number) {
    this.emit = emit;
    this.columns = columns;
    this.tile = ring(depth, () => emit.sbuf(dtype, [rows, columns], "rows"));
  }

  /** Room for `rows` by columns [n, nTo), which follow those before unless the tile is empty. */
  next(rows: number, n: number, nTo: number): View {
    if (this.filled === 0) this.from = n;
    const at = n - this.from;
    this.filled = at + nTo - n;
    return this.tile(this.count).slice(0, 0, rows).slice(1, at, this.filled);
  }

  /** Whether another `columns` would not fit. */
  full(columns: number): boolean {
    return this.filled + columns > this.columns;
  }

  /** Stores what is there: `dst(from, to)` is the place of columns [from, to) in HBM, [rows, columns]. */
  flush(rows: number, dst: (from: number, to: number) => View): void {
    if (this.filled === 0) return;
    const src = this.tile(this.count).slice(0, 0, rows).slice(1, 0, this.filled);
    store(this.emit, dst(this.from, this.from + this.filled), src);
    this.count++;
    this.filled = 0;
  }
}
