export { benchKernels, type Figure } from "./bench.ts";
export * from "./bind.ts";
export { bindFast, fastInstructions } from "./bind-fast.ts";
export * from "./descriptor.ts";
export * from "./kernels.ts";
export { check } from "./status.ts";
export { RESERVED_BYTES } from "./tables.ts";
export { type ModuleSource, useKernelBytes } from "./wasm.ts";
