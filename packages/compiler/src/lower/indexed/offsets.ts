/** Run-time indices to element offsets, in exact 32-bit integers on GpSimd. */
import { records } from "@opentrn/isa";
import type { AluName } from "@opentrn/numerics";
import { bytesOfTensor } from "../../emit/bytes.ts";
import type { Emitter } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import { packed } from "../move/sources.ts";
import type { Windows } from "./windows.ts";

const P = 128;

/** Offsets of windows: window `128 c + p` has its own in partition p, column c. */
export interface Offsets {
  readonly tile: View;
  /** Windows of column c. */
  readonly rows: (c: number) => number;
  readonly columns: number;
}

/** A tile of int32 and what instructions on such tiles do. */
class Integers {
  private readonly emit: Emitter;
  private readonly shape: readonly number[];
  private readonly constants = new Map<number, View>();

  constructor(emit: Emitter, shape: readonly number[]) {
    this.emit = emit;
    this.shape = shape;
  }

  make(): View {
    return this.emit.sbuf("int32", this.shape, "index");
  }

  constant(value: number): View {
    const known = this.constants.get(value);
    if (known) return known;
    const made = this.make();
    this.emit.emit(records.memset, { dst: made, value }, { engine: "gpsimd" });
    this.constants.set(value, made);
    return made;
  }

  apply(op: AluName, x: View, y: View | number): View {
    const dst = this.make();
    const data2 = typeof y === "number" ? this.constant(y) : y;
    this.emit.emit(records.tensorTensor, { dst, data1: x, data2 }, { op, engine: "gpsimd" });
    return dst;
  }
}

/** Loads [n] numbers in HBM as a [128, columns] tile, column by column; what is left over holds 0. */
function loadColumns(emit: Emitter, from: View, columns: number): View {
  const [n] = from.shape as [number];
  const tile = emit.sbuf(from.dtype, [P, columns], "raw");
  const full = Math.floor(n / P);
  if (full < columns) emit.emit(records.memset, { dst: tile, value: 0 }, { engine: "gpsimd" });
  if (full > 0)
    emit.emit(records.dmaCopy, {
      dst: tile.slice(1, 0, full),
      src: from
        .slice(0, 0, full * P)
        .reshape([full, P])
        .permute([1, 0]),
    });
  if (full < columns)
    emit.emit(records.dmaCopy, {
      dst: tile.slice(0, 0, n - full * P).slice(1, full, columns),
      src: from.slice(0, full * P, n).reshape([n - full * P, 1]),
    });
  return tile;
}

/**
 * Element offsets of all windows. `clamp` moves starts to where the window fits; otherwise windows that start outside get an offset
 * that a transfer with `oob_mode` skip leaves out.
 */
export function offsetsOf(emit: Emitter, indices: View, windows: Windows, clamp: boolean): Offsets {
  const { count, components, vectorDim, starts } = windows;
  const columns = Math.ceil(count / P);
  const ints = new Integers(emit, [P, columns]);
  let sum: View | undefined;
  let valid: View | undefined;
  components.forEach(({ stride, last }, c) => {
    const all =
      vectorDim < indices.shape.length && isVector(indices, windows)
        ? indices.at(vectorDim, c)
        : indices;
    const flat = all.tryReshape([count]) ?? packed(emit, all).reshape([count]);
    let start = asInt32(emit, ints, loadColumns(emit, flat, columns));
    if (clamp) start = ints.apply("maximum", ints.apply("minimum", start, last), 0);
    else {
      const inside = ints.apply(
        "multiply",
        ints.apply("greater_equal", start, 0),
        ints.apply("less_equal", start, last),
      );
      valid = valid ? ints.apply("multiply", valid, inside) : inside;
    }
    const scaled = stride === 1 ? start : ints.apply("multiply", start, stride);
    sum = sum ? ints.apply("add", sum, scaled) : scaled;
  });
  let offset = sum ?? ints.constant(0);
  if (windows.offsets) {
    const data = bytesOfTensor({
      type: { shape: [count], dtype: "int32" },
      data: windows.offsets,
    });
    const extra = emit.constant("offsets", "int32", [count], data);
    offset = ints.apply("add", offset, loadColumns(emit, extra, columns));
  }
  if (valid) {
    // Outside: valid is 0, so that the offset becomes `starts`, the first that is out of bounds.
    const inside = ints.apply("multiply", offset, valid);
    const missing = ints.apply("subtract", ints.constant(1), valid);
    offset = ints.apply("add", inside, ints.apply("multiply", missing, starts));
  }
  return { tile: offset, columns, rows: (c) => Math.min(P, count - c * P) };
}

const isVector = (indices: View, { batchShape }: Windows): boolean =>
  indices.shape.length > batchShape.length;

/** Narrow integers widen exactly through fp32; unsigned 32-bit ones above the signed range count as the largest. */
function asInt32(emit: Emitter, ints: Integers, raw: View): View {
  if (raw.dtype === "int32") return raw;
  if (raw.dtype === "uint32") {
    const bound = emit.sbuf("uint32", raw.shape, "index");
    const most = emit.sbuf("uint32", raw.shape, "most");
    emit.emit(records.memset, { dst: most, value: 2 ** 31 - 1 }, { engine: "gpsimd" });
    emit.emit(
      records.tensorTensor,
      { dst: bound, data1: raw, data2: most },
      { op: "minimum", engine: "gpsimd" },
    );
    return bound.bits("int32");
  }
  const dst = ints.make();
  emit.emit(records.tensorCopy, { dst, src: raw });
  return dst;
}
