/**
 * scatter: updates added to, or written over, windows at run-time starts, 128 at a time. Windows of one transfer may coincide, which a
 * read-modify-write of the DMA engines does not allow: their sums are taken first, by a matmul with the matrix that says which of them
 * have the same start.
 */
import { isFloatType, type Operation } from "@opentrn/ir";
import { records } from "@opentrn/isa";
import type { DType } from "@opentrn/numerics";
import type { Emitter } from "../../emit/emitter.ts";
import { ring } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import { copy } from "../move/sources.ts";
import { windowed, windowsAt } from "./gather.ts";
import type { LowerIndexed } from "./indexed.ts";
import { type Offsets, offsetsOf } from "./offsets.ts";
import { type Windows, windowsOf } from "./windows.ts";

const P = 128;
/** Elements of a window that are summed at once: a PSUM bank of fp32. */
const BANK = 512;
/** Elements of a window that lie on chip. */
const MOST_WINDOW = 8192;

export function scatterRefuses(op: Operation): string | undefined {
  const windows = windowsOf(op);
  const elements = windows.sizes.reduce((n, d) => n * d, 1);
  if (windows.partial)
    return "scatter indexes a dimension in which its windows span several elements; only whole windows are dropped";
  if (op.attrs["body"] !== "add") return undefined;
  if (!isFloatType(op.operands[0]!.type))
    return `scatter adds ${op.operands[0]!.type.dtype}; sums are taken by matmul, which needs floats`;
  return elements > MOST_WINDOW
    ? `a window of scatter has ${elements} elements, at most ${MOST_WINDOW} are summed on chip`
    : undefined;
}

export const scatter: LowerIndexed = ({ emit, output }, op, source) => {
  const windows = windowsOf(op);
  const offsets = offsetsOf(emit, source(op.operands[1]!), windows, false);
  const updates = asRows(emit, source(op.operands[2]!), windows);
  const out = output(0);
  const adds = op.attrs["body"] === "add";
  const sums = adds && out.dtype !== "float32" ? emit.hbm("sums", "float32", out.shape) : out;
  copy(emit, sums, source(op.operands[0]!));
  if (adds) addAll(emit, sums, updates, windows, offsets);
  else
    for (let c = 0; c < offsets.columns; c++)
      emit.emit(
        records.dmaCopy,
        {
          dst: windowsAt(sums, windows, columnOf(offsets, c)),
          src: updates.slice(0, c * P, c * P + offsets.rows(c)),
        },
        { oob_mode: "skip" },
      );
  if (sums !== out) copy(emit, out, sums);
};

/** Updates as [windows, ...window]. */
function asRows(emit: Emitter, updates: View, windows: Windows): View {
  const turned = windows.order.length === 0 ? updates : updates.permute(windows.order);
  const shape = [windows.count, ...windows.sizes];
  const flat = turned.tryReshape(shape);
  if (flat) return flat;
  const { result } = windowed(emit, updates, windows);
  copy(emit, result.reshape(turned.shape), turned);
  return result;
}

const columnOf = ({ tile, rows }: Offsets, c: number): View =>
  tile.slice(0, 0, rows(c)).slice(1, c, c + 1);

function addAll(emit: Emitter, sums: View, updates: View, w: Windows, offsets: Offsets): void {
  const n = w.sizes.reduce((a, b) => a * b, 1);
  const tile = (dtype: DType, shape: readonly number[], name: string): ((c: number) => View) =>
    ring(2, () => emit.sbuf(dtype, shape, name));
  const fresh = tile("float32", [P, n], "updates");
  const old = tile("float32", [P, n], "old");
  const narrow = tile(updates.dtype, [P, n], "narrow");
  const across = tile("int32", [P, P], "across");
  const same = tile("int32", [P, P], "same");
  const matrix = tile("float32", [P, P], "matrix");
  const product = ring(2, () => emit.psum("float32", [P, Math.min(n, BANK)], "product"));
  // The offsets of one column along the free dimension of every partition come by way of HBM.
  const listed = emit.hbm("offsets", "int32", [offsets.columns, P]);
  emit.emit(records.dmaCopy, { dst: listed.permute([1, 0]), src: offsets.tile });
  for (let c = 0; c < offsets.columns; c++) {
    const rows = offsets.rows(c);
    const cut = (v: View): View => v.slice(0, 0, rows);
    const square = (v: View): View => cut(v).slice(1, 0, rows);
    const index = columnOf(offsets, c);
    const shape = [rows, ...w.sizes];
    const from = updates.slice(0, c * P, c * P + rows);
    const loaded = updates.dtype === "float32" ? cut(fresh(c)) : cut(narrow(c));
    emit.emit(records.dmaCopy, { dst: loaded.reshape(shape), src: from });
    if (updates.dtype !== "float32")
      emit.emit(records.tensorCopy, { dst: cut(fresh(c)), src: loaded });
    emit.emit(records.dmaCopy, {
      dst: square(across(c)),
      src: listed
        .slice(0, c, c + 1)
        .slice(1, 0, rows)
        .reshape([rows])
        .broadcast(0, rows),
    });
    emit.emit(
      records.tensorTensor,
      {
        dst: square(same(c)),
        data1: square(across(c)),
        data2: index.slice(1, 0, 1).repeat(1, rows),
      },
      { op: "equal", engine: "gpsimd" },
    );
    emit.emit(records.tensorCopy, { dst: square(matrix(c)), src: square(same(c)) });
    // Windows outside are left out of the transfer, so that their sums must be something written.
    emit.emit(records.memset, { dst: old(c), value: 0 });
    emit.emit(
      records.dmaCopy,
      { dst: cut(old(c)).reshape(shape), src: windowsAt(sums, w, index) },
      { oob_mode: "skip" },
    );
    for (let at = 0; at < n; at += BANK) {
      const width = Math.min(BANK, n - at);
      const acc = cut(product(c)).slice(1, 0, width);
      emit.emit(
        records.ncMatmul,
        {
          dst: acc,
          stationary: square(matrix(c)),
          moving: cut(fresh(c)).slice(1, at, at + width),
        },
        { is_stationary_onezero: true, accumulate: false },
      );
      const into = cut(old(c)).slice(1, at, at + width);
      emit.emit(records.tensorTensor, { dst: into, data1: into, data2: acc }, { op: "add" });
    }
    emit.emit(
      records.dmaCopy,
      { dst: windowsAt(sums, w, index), src: cut(old(c)).reshape(shape) },
      { oob_mode: "skip" },
    );
  }
}
