/** The contract between the executor and the fast kernels: an instruction with its operands laid out becomes a closure. */
import type { AnyCall, AnyInstruction } from "@opentrn/isa";

/**
 * An operand as the kernels see it. `descriptor` is the address of its descriptor: int32 words
 * `[address, dtype, rank, stride0 (bytes), count0, …]`; a run-time addressed operand has its address word rewritten before each call.
 */
export type BoundOperand =
  | { readonly kind: "tile"; readonly descriptor: number }
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
}

/** Runs one instruction on the memory it was bound to. */
export type Step = () => void;

/**
 * The three names `device` uses from this package (packages/device/src/execute/executable.ts):
 * - `kernelReservedBytes`: bytes at the start of the memory that belong to the kernels, constants and scratch together;
 * - `loadKernels(memory): Kernels`: instantiates the modules over that memory and initialises constants and scratch;
 * - `bindFast(kernels, request): Step | undefined`: one table entry per instruction name; undefined where only the reference exists.
 * A `(P, 1)` operand arrives as a tile of its own shape; a binder that wants it as a zero-stride column writes its own descriptor.
 */
export type BindFast<K> = (kernels: K, request: BindRequest) => Step | undefined;
