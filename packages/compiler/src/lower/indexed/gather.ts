/** gather: windows of a dense tensor at clamped starts, 128 a transfer. */
import { sizeOf } from "@opentrn/ir";
import { records } from "@opentrn/isa";
import type { Emitter } from "../../emit/emitter.ts";
import { View } from "../../emit/view.ts";
import { copy, packed } from "../move/sources.ts";
import type { LowerIndexed } from "./indexed.ts";
import { offsetsOf } from "./offsets.ts";
import { type Windows, windowsOf } from "./windows.ts";

export const gather: LowerIndexed = ({ emit, output }, op, source) => {
  const windows = windowsOf(op);
  const table = dense(emit, source(op.operands[0]!));
  const offsets = offsetsOf(emit, source(op.operands[1]!), windows, true);
  const { result, finish } = windowed(emit, output(0), windows);
  for (let c = 0; c < offsets.columns; c++) {
    const rows = offsets.rows(c);
    const index = offsets.tile.slice(0, 0, rows).slice(1, c, c + 1);
    emit.emit(records.dmaCopy, {
      dst: result.slice(0, c * 128, c * 128 + rows),
      src: windowsAt(table, windows, index),
    });
  }
  finish();
};

/** The tensor itself where it is row-major, else a copy. */
export function dense(emit: Emitter, view: View): View {
  const n = sizeOf(view.shape);
  return view.tryReshape([n]) && isContiguous(view) ? view : packed(emit, view);
}

const isContiguous = (view: View): boolean => {
  const flat = view.tryReshape([sizeOf(view.shape)]);
  return flat !== undefined && (flat.shape[0] === 1 || flat.pattern.dims[0]![0] === 1);
};

/** Windows of `table` (dense) whose element offsets are in `index`, a [n, 1] tile. */
export function windowsAt(table: View, w: Windows, index: View): View {
  return new View("hbm", {
    ...table.pattern,
    dims: [[1, index.partitions], ...w.sizes.map((n, d): [number, number] => [w.strides[d]!, n])],
    dynamic: { kind: "vector", stride: 1, limit: w.starts, index: index.pattern },
  });
}

/**
 * The windowed tensor as [windows, ...window]. Where its own order is another, a packed tensor that `finish` copies into place.
 */
export function windowed(
  emit: Emitter,
  tensor: View,
  { order, count, sizes, batchShape }: Windows,
): { readonly result: View; readonly finish: () => void } {
  const turned = order.length === 0 ? tensor : tensor.permute(order);
  const shape = [count, ...sizes];
  const flat = turned.tryReshape(shape);
  if (flat) return { result: flat, finish: () => {} };
  const scratch = emit.hbm("windows", tensor.dtype, shape);
  return {
    result: scratch,
    finish: () => copy(emit, turned, scratch.reshape([...batchShape, ...sizes])),
  };
}
