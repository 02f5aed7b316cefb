/** Operations that only move elements, HBM to HBM by DMA: reshape, transpose, slice, broadcast, concatenate, pad and copies. */
import type { Operation, Value } from "@opentrn/ir";
import { records } from "@opentrn/isa";
import type { Emitter } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import type { Lowering, Template } from "../template.ts";
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

const takes = (op: Operation): boolean =>
  op.name in fills || ["reshape", "transpose", "slice", "broadcast_in_dim"].includes(op.name);

export const move: Template = {
  name: "move",
  summary: "operations that only move elements, by DMA between tensors in HBM",
  refuses: (group) => {
    const other = group.body.find((op) => !takes(op));
    return other && `${other.name} is no move`;
  },
  lower: (lowering) => {
    const known = new Map<Value, View>();
    const source = (v: Value): View => {
      if (v.op.name === "parameter") return lowering.input(v);
      const made = known.get(v) ?? materialise(lowering, v.op, source);
      known.set(v, made);
      return made;
    };
    lowering.group.results.forEach((v, i) => {
      copy(lowering.emit, lowering.output(i), source(v));
    });
  },
};

function materialise(lowering: Lowering, op: Operation, source: (v: Value) => View): View {
  const view = viewOf(op, source);
  if (view) return view;
  const { shape, dtype } = op.results[0]!.type;
  if (op.name === "reshape") {
    // No strides express it: through a packed copy.
    const from = source(op.operands[0]!);
    const packed = lowering.emit.hbm("packed", dtype, from.shape);
    copy(lowering.emit, packed, from);
    return packed.reshape(shape.length === 0 ? [1] : shape);
  }
  const made = lowering.emit.hbm(op.name, dtype, shape);
  fills[op.name]!(lowering.emit, op, made, source);
  return made;
}

/** HBM to HBM; tensors of more dimensions than a transfer has go plane by plane. */
function copy(emit: Emitter, dst: View, src: View): void {
  if (dst.shape.length > MOST_DIMS) {
    for (let i = 0; i < dst.shape[0]!; i++) copy(emit, dst.at(0, i), src.at(0, i));
    return;
  }
  emit.emit(records.dmaCopy, { dst, src });
}
