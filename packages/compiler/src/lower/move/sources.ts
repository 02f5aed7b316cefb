/** Values of a group as tensors in HBM: parameters, views of them, constants, and moves that no view can say. */
import { OpenTrnError } from "@opentrn/base";
import type { Operation, Value } from "@opentrn/ir";
import { records } from "@opentrn/isa";
import { constantBytes } from "../../emit/bytes.ts";
import type { Emitter } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import type { Lowering } from "../template.ts";
import { viewOf } from "./views.ts";

/** Dimensions of a transfer. */
const MOST_DIMS = 5;

/** Fills a tensor of its own where no view of the operand says what the operation means. */
type Fill = (emit: Emitter, op: Operation, into: View, source: (v: Value) => View) => void;

const fills: Readonly<Record<string, Fill>> = {
  concatenate: (emit, op, into, source) => {
    const d = op.attrs["dimension"] as number;
    let at = 0;
    for (const v of op.operands) {
      const n = v.type.shape[d]!;
      copy(emit, into.slice(d, at, at + n), source(v));
      at += n;
    }
  },
  pad: (emit, op, into, source) => {
    const [low, high, interior] = ["edge_padding_low", "edge_padding_high", "interior_padding"].map(
      (n) => op.attrs[n] as readonly number[],
    ) as [readonly number[], ...(readonly number[])[]];
    const value = source(op.operands[1]!);
    copy(
      emit,
      into,
      value.spread(into.shape, () => -1),
    );
    let from = source(op.operands[0]!);
    let to = into;
    for (const [d, n] of op.operands[0]!.type.shape.entries()) {
      const step = interior![d]! + 1;
      // Negative edges cut elements off instead of adding some.
      const first = Math.max(0, Math.ceil(-low[d]! / step));
      const end = low[d]! + (n - 1) * step + 1 + high![d]!;
      const last = Math.min(n, Math.floor((end - 1 - low[d]!) / step) + 1);
      if (last <= first) return;
      from = from.slice(d, first, last);
      const at = low[d]! + first * step;
      to = to.slice(d, at, at + (last - first - 1) * step + 1, step);
    }
    copy(emit, to, from);
  },
};

const views = ["reshape", "transpose", "slice", "broadcast_in_dim"];

/** Whether the operation only moves elements. */
export const isMove = (op: Operation): boolean => op.name in fills || views.includes(op.name);
/** Whether {@link sourcesOf} can make its result. */
export const isSource = (op: Operation): boolean => isMove(op) || op.name === "constant";

/** The tensor of every value that parameters, constants and moves make; each is made once. */
export function sourcesOf(lowering: Lowering): (v: Value) => View {
  const known = new Map<Value, View>();
  const source = (v: Value): View => {
    if (v.op.name === "parameter") return lowering.input(v);
    const made = known.get(v) ?? materialise(lowering, v.op, source);
    known.set(v, made);
    return made;
  };
  return source;
}

function materialise(lowering: Lowering, op: Operation, source: (v: Value) => View): View {
  const { emit } = lowering;
  const { shape, dtype } = op.results[0]!.type;
  const whole = shape.length === 0 ? [1] : shape;
  if (op.name === "constant") {
    const { bytes, splat } = constantBytes(
      op.results[0]!.type,
      op.attrs["value"] as number | ArrayLike<number>,
    );
    const made = emit.constant("constant", dtype, splat ? [1] : whole, bytes);
    return splat ? made.spread(whole, () => -1) : made;
  }
  const view = viewOf(op, source);
  if (view) return view;
  if (op.name === "reshape") {
    // No strides express it: through a packed copy.
    return packed(emit, source(op.operands[0]!)).reshape(whole);
  }
  const made = emit.hbm(op.name, dtype, whole);
  const fill = fills[op.name];
  if (!fill)
    throw new OpenTrnError(`${op.name} is no move`, { category: "internal", rule: "sources" });
  fill(emit, op, made, source);
  return made;
}

/** The elements in row-major order, copied. */
export function packed(emit: Emitter, view: View): View {
  const made = emit.hbm("packed", view.dtype, view.shape);
  copy(emit, made, view);
  return made;
}

/** HBM to HBM, converting where types differ; tensors of more dimensions than a transfer has go plane by plane. */
export function copy(emit: Emitter, dst: View, src: View): void {
  if (dst.shape.length > MOST_DIMS) {
    for (let i = 0; i < dst.shape[0]!; i++) copy(emit, dst.at(0, i), src.at(0, i));
    return;
  }
  emit.emit(records.dmaCopy, { dst, src });
}
