/** The whole stack behind one import: `import { chip, kernel, nisa, nl } from "opentrn"`. */
export { OpenTrnError } from "@opentrn/base";
export {
  type Buffer,
  type BuildOptions,
  type Index,
  Kernel,
  type KernelResult,
  kernel,
  nisa,
  nl,
  type Range,
  Register,
  Tensor,
  type TensorSpec,
} from "@opentrn/nki";
export { type Elements, Output, tensor } from "./inputs.ts";
export { type Expected, Run, type RunTime } from "./run.ts";
export {
  type AnyKernel,
  chip,
  type KernelInputs,
  type LaunchOptions,
  VirtualChip,
} from "./virtual-chip.ts";
