/** The kernels of one memory, typed. Every method takes addresses of descriptors (descriptor.ts) and throws when an operand is refused. */
import { invariant } from "@opentrn/base";
import { RESERVED_BYTES, writeConstants } from "./tables.ts";
import { kernelModule } from "./wasm.ts";

/** Address of a descriptor. */
export type Descriptor = number;

/** The raw exports: descriptors and small numbers in, a status out (0 is success). */
export interface KernelExports {
  init(address: number, bytes: number): void;
  copy(dst: Descriptor, src: Descriptor): number;
  cast(dst: Descriptor, src: Descriptor): number;
  fill(dst: Descriptor, bits: number): number;
  copyPredicated(dst: Descriptor, src: Descriptor, predicate: Descriptor, reverse: number): number;
  matmul(
    dst: Descriptor,
    stationary: Descriptor,
    moving: Descriptor,
    contracted: number,
    accumulate: number,
  ): number;
  transpose(dst: Descriptor, src: Descriptor): number;
  pipeline(
    dst: Descriptor,
    data: Descriptor,
    op0: number,
    operand0: Descriptor,
    reverse0: number,
    op1: number,
    operand1: Descriptor,
    reverse1: number,
    fn: number,
    alpha: Descriptor,
    reduceOp: number,
    registers: Descriptor,
    reset: number,
  ): number;
}

/** Bytes of scratch every instance needs; more lets larger overlapping operands be staged. */
export const LEAST_SCRATCH_BYTES = 1 << 20;

/** Bytes at the start of a memory that belong to the kernels when they are loaded with default options. */
export const kernelReservedBytes = RESERVED_BYTES + 2 * LEAST_SCRATCH_BYTES;

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
  const scratchBytes = options.scratchBytes ?? 2 * LEAST_SCRATCH_BYTES;
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
