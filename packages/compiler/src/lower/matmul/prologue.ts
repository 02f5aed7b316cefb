/**
 * Operands that are computed before they are multiplied: conversions, norms, any row-wise work. A block of the operand is computed with
 * its columns on partitions and K along them, and turned by transfers on chip; or, where that is how it lies in memory, with K on
 * partitions, and moved as it is.
 */
import { type Operation, sizeOf, type Value } from "@opentrn/ir";
import { bytesOf } from "@opentrn/numerics";
import { type BlockSpec, blockFault, columnStepOf } from "../rows/block.ts";

/** The parts that dimensions of an operand play. */
export interface Roles {
  readonly batch: readonly number[];
  readonly free: readonly number[];
  /** In the order in which K runs. */
  readonly k: readonly number[];
}

export interface Prologue {
  readonly spec: BlockSpec;
  /** Columns of the operand lie on partitions and have to be turned. */
  readonly turned: boolean;
  /** Blocks may be parts of K. */
  readonly local: boolean;
  /** Bytes for one element: what it reads, what it keeps in memory, its own; and instructions over them, about. */
  readonly read: number;
  readonly kept: number;
  readonly own: number;
  readonly steps: number;
}

/** Operations that cost nothing. */
const free = new Set(["broadcast_in_dim", "reshape", "transpose", "slice", "constant"]);

/** The prologue that makes `value`, with `also` made on the way and wanted in memory; or why there is none. */
export function prologueOf(
  value: Value,
  ops: readonly Operation[],
  roles: Roles,
  also: readonly Value[],
): Prologue | string {
  if (bytesOf(value.type.dtype) === 1) return "narrow operands come from memory";
  const spec = (turned: boolean): BlockSpec => ({
    ops,
    root: {
      value,
      rows: [...roles.batch, ...(turned ? roles.free : roles.k)],
      columns: turned ? roles.k : roles.free,
    },
    results: [...new Set([value, ...also])],
  });
  const size = sizeOf(value.type.shape);
  const inputs = new Set(ops.flatMap((op) => op.operands).filter((v) => v.op.name === "parameter"));
  const own = bytesOf(value.type.dtype);
  const kept = also.reduce((n, v) => n + (sizeOf(v.type.shape) * bytesOf(v.type.dtype)) / size, 0);
  const shared = {
    own,
    kept,
    read: [...inputs].reduce(
      (n, v) => n + (sizeOf(v.type.shape) * bytesOf(v.type.dtype)) / size,
      0,
    ),
    steps: ops.filter((op) => !free.has(op.name)).length + 1,
  };
  const straight = spec(false);
  // What lies in memory with K along its rows comes in as it is, or one element at a time.
  const { shape } = value.type;
  const inner = shape.findLastIndex((n) => n > 1);
  if (inner >= 0 && !roles.k.includes(inner)) {
    if (columnStepOf(straight) === 1)
      return { spec: straight, turned: false, local: true, ...shared };
    return "what is computed needs all of K together, which lies apart in memory";
  }
  const turned = spec(true);
  const step = columnStepOf(turned);
  if (step === undefined) return blockFault(turned)!;
  return { spec: turned, turned: true, local: step === 1, ...shared };
}
