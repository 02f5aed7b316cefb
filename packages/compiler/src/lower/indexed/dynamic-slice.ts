/** dynamic_slice and dynamic_update_slice: one window at a clamped run-time start. */
import type { Operation, Value } from "@opentrn/ir";
import { records } from "@opentrn/isa";
import type { Emitter } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import { copy } from "../move/sources.ts";
import { dense } from "./gather.ts";
import type { LowerIndexed } from "./indexed.ts";
import { offsetsOf } from "./offsets.ts";
import type { Windows } from "./windows.ts";

/** The part of `tensor` (dense) with `sizes` elements at the starts that `operands` hold. */
function windowAt(
  emit: Emitter,
  tensor: View,
  sizes: readonly number[],
  operands: readonly Value[],
  source: (v: Value) => View,
): View {
  let at = tensor;
  let dynamic: View | undefined;
  const strides = tensor.pattern.dims.map((d) => d[0]);
  sizes.forEach((n, d) => {
    const last = tensor.shape[d]! - n;
    const known = knownStart(operands[d]!.op);
    if (known !== undefined || last === 0) {
      const start = Math.min(Math.max(known ?? 0, 0), last);
      at = at.slice(d, start, start + n);
      return;
    }
    const offset = offsetsOf(emit, source(operands[d]!), oneStart(strides[d]!, last), true);
    dynamic = dynamic ? sumOf(emit, dynamic, offset.tile) : offset.tile;
    at = at.slice(d, 0, n);
  });
  if (!dynamic) return at;
  const end = tensor.shape.reduce((n, size, d) => n + (size - sizes[d]!) * strides[d]!, 0);
  return at.offsetBy(dynamic.slice(0, 0, 1).slice(1, 0, 1), 1, end + 1);
}

const knownStart = (op: Operation): number | undefined => {
  const value = op.name === "constant" ? op.attrs["value"] : undefined;
  return typeof value === "number" ? value : undefined;
};

const oneStart = (stride: number, last: number): Windows => ({
  count: 1,
  batchShape: [1],
  components: [{ stride, last }],
  sizes: [],
  strides: [],
  starts: 1,
  order: [],
  partial: false,
  vectorDim: 1,
});

const sumOf = (emit: Emitter, x: View, y: View): View => {
  const dst = emit.sbuf("int32", x.shape, "index");
  emit.emit(records.tensorTensor, { dst, data1: x, data2: y }, { op: "add", engine: "gpsimd" });
  return dst;
};

export const dynamicSlice: LowerIndexed = ({ emit, output }, op, source) => {
  const [x, ...starts] = op.operands as [Value, ...Value[]];
  const sizes = op.results[0]!.type.shape;
  const tensor = dense(emit, source(x));
  const window = windowAt(emit, tensor, sizes, starts, source);
  copy(emit, output(0), sizes.length === 0 ? window.reshape([1]) : window);
};

export const dynamicUpdateSlice: LowerIndexed = ({ emit, output }, op, source) => {
  const [x, update, ...starts] = op.operands as [Value, Value, ...Value[]];
  const out = output(0);
  copy(emit, out, source(x));
  copy(emit, windowAt(emit, out, update.type.shape, starts, source), source(update));
};
