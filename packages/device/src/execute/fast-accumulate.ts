/**
 * `dma_compute` at run-time rows: the rows are gathered into scratch memory, added there, and scattered. All reads come before all writes, as
 * in the reference meaning, so that rows named twice end up the same.
 */
import { type Call, call } from "@opentrn/fast";
import type { AccessPattern, DecodedInstruction } from "@opentrn/isa";
import { aluId, type DType, dtypeId } from "@opentrn/numerics";
import { type Row, rowOf } from "./fast-rows.ts";
import type { LayoutContext } from "./operand.ts";

/** Scratch memory holds fp32 at most. */
const WIDEST = 4;
const NONE = -1;

/** Rows of `count` times `width` elements, packed, from `address`. */
function packed(
  ctx: LayoutContext,
  address: number,
  dtype: DType,
  count: number,
  width: number,
): { readonly whole: number; readonly row: Row } {
  const area = ctx.map.areas[ctx.core]!;
  const id = dtypeId[dtype];
  const descriptor = area.ownDescriptor(address, id, [[WIDEST, width]]);
  const fixed = { stride: 0, low: 0, high: 0, dtype: 0 };
  return {
    whole: area.descriptor(address, id, [[WIDEST, count * width]]),
    row: {
      operand: { kind: "tile", descriptor, dynamic: true },
      moving: { descriptor, base: address, step: WIDEST * width, ...fixed },
    },
  };
}

/** Appends the commands; false for forms that only the reference meaning has. */
export function bindAccumulation(ctx: LayoutContext, i: DecodedInstruction): boolean {
  const patterns = ["dst", "src0", "src1", "src2"].map((name) => {
    const o = i.operands[name];
    return o?.kind === "tile" ? o.pattern : undefined;
  });
  const [dst, src0, src1, more] = patterns;
  if (!dst || !src0 || !src1 || more) return false;
  const moving = src0.dynamic ? src0 : src1;
  const fixed = src0.dynamic ? src1 : src0;
  if (moving.dynamic?.kind !== "vector" || fixed.dynamic) return false;
  if (dst.dynamic && dst.dynamic.kind !== "vector") return false;
  const skip = i.attrs["oob_mode"] === "skip";
  // A row that one side leaves out is left out as a whole only where both sides have the same rows.
  if (skip && !sameRows(dst, moving)) return false;
  const { map, core } = ctx;
  const area = map.areas[core]!;
  const count = moving.dims[0]![1];
  const width = moving.dims.slice(1).reduce((n, d) => n * d[1], 1);
  if (dst.dynamic && dst.dims[0]![1] !== count) return false;
  const bytes = WIDEST * count * width;
  const scratch = area.scratch(2 * bytes);
  const held = packed(ctx, scratch, map.dtype(moving.dtype), count, width);
  const from = rowOf(ctx, moving);
  area.appendRows(count, [held.row.moving, from.moving], skip, [copy(held.row, from)]);
  const other = map.describe(fixed, core);
  const operands = src0.dynamic ? [held.whole, other] : [other, held.whole];
  if (!dst.dynamic) {
    area.append([sum(ctx, map.describe(dst, core), operands, count * width)]);
    return true;
  }
  const sums = packed(ctx, scratch + bytes, map.dtype(dst.dtype), count, width);
  area.append([sum(ctx, sums.whole, operands, count * width)]);
  const to = rowOf(ctx, dst);
  area.appendRows(count, [to.moving, sums.row.moving], skip, [copy(to, sums.row)]);
  return true;
}

const copy = (dst: Row, src: Row): Call =>
  call("copy", dst.moving.descriptor, src.moving.descriptor);

/** dst = 0 + a + b, one fp32 rounding a sum. */
function sum(
  { map, core }: LayoutContext,
  dst: number,
  [a, b]: readonly number[],
  elements: number,
): Call {
  const area = map.areas[core]!;
  const zero = area.descriptor(area.number(0), dtypeId.float32, [[0, elements]]);
  return call("pipeline", ...[dst, a!, aluId.add, zero, 0, aluId.add, b!, 0, NONE, 0, NONE, 0, 0]);
}

const sameRows = (a: AccessPattern, b: AccessPattern): boolean =>
  a.storage === b.storage &&
  a.dtype === b.dtype &&
  a.offset === b.offset &&
  JSON.stringify([a.dims, a.dynamic]) === JSON.stringify([b.dims, b.dynamic]);
