/**
 * The kernels of one memory, typed. All take addresses of descriptors (descriptor.ts). Everything computed is stored with NaN as the one
 * NaN of its type (0x7fc00000 in fp32); raw moves keep every bit. Results equal the reference meanings in `numerics` bit for bit.
 */
import { invariant } from "@opentrn/base";
import { RESERVED_BYTES, writeConstants } from "./tables.ts";
import { kernelModule } from "./wasm.ts";

/** Address of a descriptor. */
export type Descriptor = number;

/** An operation's or function's number in its table (aluId, activationId), or -1 for none. */
export type OpNumber = number;
/** 0 or 1. */
export type Flag = number;
export type Status = number;

/** The raw exports: descriptors and small numbers in, a status out (0 is success). Meanings stand in assembly/<file>.ts. */
export interface KernelExports {
  init(address: number, bytes: number): void;
  // execute.ts
  /** Runs the commands in [at, end) of a binding area; stops at the first refused one, whose address `refusedCommand` gives. */
  execute(at: number, end: number): Status;
  refusedCommand(): number;
  // copy.ts
  copy(dst: Descriptor, src: Descriptor): Status;
  cast(dst: Descriptor, src: Descriptor): Status;
  fill(dst: Descriptor, bits: number): Status;
  copyPredicated(dst: Descriptor, src: Descriptor, predicate: Descriptor, reverse: Flag): Status;
  // pipeline.ts
  pipeline(
    ...args: [
      dst: Descriptor,
      data: Descriptor,
      op0: OpNumber,
      operand0: Descriptor,
      reverse0: Flag,
      op1: OpNumber,
      operand1: Descriptor,
      reverse1: Flag,
      fn: OpNumber,
      alpha: Descriptor,
      reduceOp: OpNumber,
      registers: Descriptor,
      reset: Flag,
    ]
  ): Status;
  rangeSelect(
    ...args: [
      dst: Descriptor,
      onTrue: Descriptor,
      onFalse: Descriptor,
      compare0: OpNumber,
      compare1: OpNumber,
      bound0: Descriptor,
      bound1: Descriptor,
      rangeStart: number,
      reduceOp: OpNumber,
      registers: Descriptor,
      reset: Flag,
    ]
  ): Status;
  selectReduce(
    ...args: [
      dst: Descriptor,
      predicate: Descriptor,
      onTrue: Descriptor,
      onFalse: Descriptor,
      reverse: Flag,
      reduceOp: OpNumber,
      registers: Descriptor,
      reset: Flag,
    ]
  ): Status;
  // matmul.ts
  matmul(
    dst: Descriptor,
    stationary: Descriptor,
    moving: Descriptor,
    contracted: number,
    accumulate: Flag,
  ): Status;
  // mx.ts
  matmulMx(
    dst: Descriptor,
    stationary: Descriptor,
    moving: Descriptor,
    stationaryScale: Descriptor,
    movingScale: Descriptor,
    accumulate: Flag,
  ): Status;
  quantizeMx(dst: Descriptor, src: Descriptor, scale: Descriptor): Status;
  // transpose.ts
  transpose(dst: Descriptor, src: Descriptor): Status;
  exchange(dst: Descriptor, src: Descriptor): Status;
  // reduce.ts
  tensorReduce(op: OpNumber, dst: Descriptor, data: Descriptor, negate: Flag): Status;
  partitionReduce(op: OpNumber, dst: Descriptor, data: Descriptor): Status;
  // scan.ts
  scan(
    ...args: [
      dst: Descriptor,
      data0: Descriptor,
      preOp: OpNumber,
      operand: Descriptor,
      preReverse: Flag,
      op0: OpNumber,
      reverse0: Flag,
      data1: Descriptor,
      op1: OpNumber,
      reverse1: Flag,
      initial: Descriptor,
      final: Descriptor,
    ]
  ): Status;
  // statistics.ts
  bnStats(dst: Descriptor, data: Descriptor): Status;
  bnAggregate(dst: Descriptor, data: Descriptor): Status;
  // affine.ts
  iota(dst: Descriptor, pattern: Descriptor): Status;
  affineSelect(
    dst: Descriptor,
    onTrue: Descriptor,
    pattern: Descriptor,
    compare: OpNumber,
    falseBits: number,
  ): Status;
  // bits.ts
  bitvec(
    ...args: [
      dst: Descriptor,
      data: Descriptor,
      op0: OpNumber,
      operand0: Descriptor,
      reverse0: Flag,
      op1: OpNumber,
      operand1: Descriptor,
      reverse1: Flag,
    ]
  ): Status;
  bitvecReduce(op: OpNumber, dst: Descriptor, data: Descriptor): Status;
  bitvecPartitionReduce(op: OpNumber, dst: Descriptor, data: Descriptor): Status;
  integer(op: OpNumber, signed: Flag, dst: Descriptor, a: Descriptor, b: Descriptor): Status;
}

/** Bytes of scratch every instance needs; more lets larger overlapping operands be staged. */
export const LEAST_SCRATCH_BYTES = 1 << 20;

/** What an instance takes by default. */
export const SCRATCH_BYTES = 2 * LEAST_SCRATCH_BYTES;

export interface LoadOptions {
  /** First byte of this instance's scratch region; default: right after the constants. */
  readonly scratch?: number;
  /** Its size; default 1 MiB plus 1 MiB for staging. */
  readonly scratchBytes?: number;
}

/** The kernels bound to one memory. */
export interface Kernels {
  readonly memory: WebAssembly.Memory;
  readonly exports: KernelExports;
  /** First byte after everything the kernels keep for themselves (with default options). */
  readonly firstFreeByte: number;
}

/**
 * Instantiates the kernels over `memory`, whose first 64 KiB and the scratch region then belong to them. Workers that share a memory
 * each load their own with a scratch region of their own. Synchronous; the module is compiled once a process.
 */
export function loadKernels(memory: WebAssembly.Memory, options: LoadOptions = {}): Kernels {
  const scratch = options.scratch ?? RESERVED_BYTES;
  const scratchBytes = options.scratchBytes ?? SCRATCH_BYTES;
  invariant(
    scratch % 64 === 0 && scratch >= RESERVED_BYTES && scratchBytes >= LEAST_SCRATCH_BYTES,
    `kernel scratch at ${scratch} of ${scratchBytes} bytes; it must be 64-byte aligned, beyond ${RESERVED_BYTES}, at least ${LEAST_SCRATCH_BYTES} bytes`,
  );
  invariant(
    scratch + scratchBytes <= memory.buffer.byteLength,
    `kernel scratch ends at ${scratch + scratchBytes}, beyond the memory's ${memory.buffer.byteLength} bytes`,
  );
  const shared =
    typeof SharedArrayBuffer !== "undefined" && memory.buffer instanceof SharedArrayBuffer;
  const instance = new WebAssembly.Instance(kernelModule(shared), { env: { memory } });
  const exports = instance.exports as unknown as KernelExports;
  writeConstants(memory);
  exports.init(scratch, scratchBytes);
  return { memory, exports, firstFreeByte: scratch + scratchBytes };
}
