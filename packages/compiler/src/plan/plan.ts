/**
 * A compiled function: modules, each lowered once, and the calls that run them over buffers in HBM. Layers that are alike are one
 * module and many calls.
 */
import type { Chip } from "@opentrn/chips";
import type { TensorType } from "@opentrn/ir";
import type { Module } from "../lower/lower-group.ts";

export type BufferKind = "input" | "output" | "internal";

/** One tensor in HBM. */
export interface Buffer {
  readonly id: number;
  readonly name: string;
  readonly kind: BufferKind;
  readonly type: TensorType;
}

export interface Call {
  /** Index into `modules`. */
  readonly module: number;
  /** Buffers of the module's inputs and outputs, in their order. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

/** A plan without what its modules were lowered to. */
export interface Buffers {
  readonly name: string;
  readonly chip: Chip;
  readonly calls: readonly Call[];
  readonly buffers: readonly Buffer[];
  /** Buffers of the function's parameters and results, in order. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

export interface Plan extends Buffers {
  readonly modules: readonly Module[];
}

/** How often each module is called. */
export function callCounts(plan: Plan): readonly number[] {
  const counts = plan.modules.map(() => 0);
  for (const c of plan.calls) counts[c.module]!++;
  return counts;
}
