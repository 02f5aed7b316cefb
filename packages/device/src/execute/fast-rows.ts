/** Operands taken row by row: each row has a descriptor whose address moves on, at fixed steps or by a vector of offsets. */
import type { BoundOperand, MovingOperand } from "@opentrn/fast";
import type { AccessPattern } from "@opentrn/isa";
import { bytesOf, dtypeId } from "@opentrn/numerics";
import { type LayoutContext, rowIndexAddresses, shiftsOf } from "./operand.ts";

/** A row of an operand as its own descriptor, and how it moves from row to row. */
export interface Row {
  readonly operand: BoundOperand;
  readonly moving: MovingOperand;
}

export function rowOf(ctx: LayoutContext, p: AccessPattern): Row {
  const { map } = ctx;
  const area = map.areas[ctx.core]!;
  const { address, strides } = map.locate(p, ctx.core);
  const counts = p.dims.map((d) => d[1]);
  const dims =
    counts.length > 1
      ? counts.slice(1).map((n, k) => [strides[k + 1]!, n] as const)
      : [[0, 1] as const];
  const descriptor = area.ownDescriptor(address, dtypeId[map.dtype(p.dtype)], dims);
  const operand: BoundOperand = { kind: "tile", descriptor, dynamic: true };
  const d = p.dynamic;
  if (d?.kind !== "vector") {
    const fixed = { step: strides[0]!, stride: 0, low: 0, high: 0, dtype: 0 };
    return { operand, moving: { descriptor, base: address, ...fixed } };
  }
  return {
    operand,
    moving: {
      descriptor,
      base: address,
      index: area.words32(rowIndexAddresses(ctx, d.index, counts[0]!)),
      dtype: dtypeId[d.index.dtype],
      step: d.stride * bytesOf(map.dtype(p.dtype)),
      stride: d.stride,
      ...shiftsOf(p, ctx.storages[p.storage]!),
    },
  };
}
