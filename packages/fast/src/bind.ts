/**
 * The contract between the executor and the kernels: an instruction with its operands laid out becomes a few kernel calls.
 * `bindFast` (bind-fast.ts) holds one row an instruction; without a row only the reference meaning runs.
 */
import type { AnyCall, AnyInstruction } from "@opentrn/isa";
import type { BindingArea } from "./binding-area.ts";

/**
 * An operand as the kernels see it. `descriptor` is the address of its descriptor (descriptor.ts); a run-time addressed operand
 * has its address word rewritten before each call, so nothing may be derived from its descriptor.
 */
export type BoundOperand =
  | { readonly kind: "tile"; readonly descriptor: number; readonly dynamic: boolean }
  | { readonly kind: "number"; readonly value: number };

/** Where the state of one core lives in linear memory: fp32 per partition. */
export interface BoundState {
  readonly scalarAccumulator: number;
  readonly vectorAccumulator: number;
}

export interface BindRequest {
  readonly op: AnyInstruction;
  readonly call: AnyCall;
  readonly operands: Readonly<Record<string, BoundOperand | undefined>>;
  readonly state: BoundState;
  /** Where a binder's own descriptors and constants go. */
  readonly area: BindingArea;
}
