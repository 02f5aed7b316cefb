/** Which instructions have a fast path, and how each is bound. */
import type { BindRequest, Step } from "./bind.ts";

export type Kernels = Readonly<Record<string, never>>;
export const kernelReservedBytes = 65536;
export const loadKernels = (_memory: WebAssembly.Memory): Kernels => ({});
export const bindFast = (_kernels: Kernels, _request: BindRequest): Step | undefined => undefined;
