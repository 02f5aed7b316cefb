/** Emits a tiled product: loads when they are due, matmuls of one unit into PSUM, and its sums to whoever drains them. */
import { records } from "@opentrn/isa";
import { bytesOf, type DType } from "@opentrn/numerics";
import { type Emitter, ring } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import { bankColumns } from "./costs.ts";
import { type Held, loadChunk, type Operand, roomFor } from "./load.ts";
import type { Tiling } from "./tiling.ts";
import { orderOf, type Sizes, type Unit } from "./units.ts";

/** Takes the sums of a unit, [rows, columns] in PSUM, once all of its matmuls are emitted. */
export type Drain = (unit: Unit, sums: View) => void;

export interface Multiplied {
  readonly sizes: Sizes;
  readonly operands: readonly [Operand, Operand];
  readonly dtype: DType;
  readonly tiling: Tiling;
}

export function multiply(
  emit: Emitter,
  { sizes, operands, dtype, tiling }: Multiplied,
  drain: Drain,
): void {
  const rows = emit.chip.tensor.rows.value;
  const order = orderOf(sizes, tiling, rows);
  const names = ["left", "right"] as const;
  const held = ([0, 1] as const).map((side) => {
    const most = Math.min(tiling.chunk[side], side === 0 ? sizes.M : sizes.N);
    const room = (): Held => roomFor(emit, dtype, sizes.K, tiling.kTiles, most, names[side]);
    const slots: Held[] = [];
    return (slot: number): Held => (slots[slot] ??= room());
  }) as [(slot: number) => Held, (slot: number) => Held];
  const sums = ring(psumSlots(emit, tiling.unit), () =>
    emit.psum("float32", [Math.min(rows, sizes.M), tiling.unit], "sums"),
  );
  let next = 0;
  order.units.forEach((unit, u) => {
    for (; next < order.chunks.length && order.chunks[next]!.due <= u; next++) {
      const chunk = order.chunks[next]!;
      loadChunk(emit, operands[chunk.side], chunk, held[chunk.side](chunk.slot));
    }
    const into = sums(u)
      .slice(0, 0, unit.mTo - unit.m)
      .slice(1, 0, unit.nTo - unit.n);
    matmuls(emit, unit, into, held[0](unit.left.slot), held[1](unit.right.slot), sizes.K);
    drain(unit, into);
  });
}

/** PSUM tiles of `columns` fp32 sums that fit. */
const psumSlots = ({ chip }: Emitter, columns: number): number => {
  const { banks } = chip.psum;
  return Math.max(1, Math.floor(banks.value / Math.ceil(columns / bankColumns(chip))));
};

/** All matmuls of a unit, K ascending. */
function matmuls(emit: Emitter, unit: Unit, into: View, left: Held, right: Held, K: number): void {
  const { left: l, right: r } = unit;
  const rows = emit.chip.tensor.rows.value;
  const bank = bankColumns(emit.chip);
  const full = Math.min(l.kTo, Math.floor(K / rows)) - l.kFrom;
  const tiles = Math.min(l.kTo, Math.ceil(K / rows)) - l.kFrom;
  const pairs = doubleRow(emit, left);
  for (let n = unit.n; n < unit.nTo; n += bank) {
    const nTo = Math.min(unit.nTo, n + bank);
    const dst = into.slice(1, n - unit.n, nTo - unit.n);
    for (let k = 0; k < tiles; ) {
      const double = pairs && k + 1 < full;
      const tile = ({ whole, rest }: Held): View =>
        double ? whole!.slice(1, k, k + 2) : k < full ? whole!.at(1, k) : rest!;
      const cut = (v: View, from: number, to: number): View =>
        v.slice(v.shape.length - 1, from, to);
      const stationary = cut(tile(left), unit.m - l.from, unit.mTo - l.from);
      const moving = cut(tile(right), n - r.from, nTo - r.from);
      const mode = double ? { perf_mode: "double_row" } : {};
      emit.emit(records.ncMatmul, { dst, stationary, moving }, { accumulate: k > 0, ...mode });
      k += double ? 2 : 1;
    }
  }
}

/** Whether full K tiles go through the array two at a time. */
const doubleRow = ({ chip }: Emitter, { whole }: Held): boolean =>
  whole !== undefined && bytesOf(whole.dtype) === 1 && chip.tensor.doubleRow.value;
