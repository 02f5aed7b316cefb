/** The whole stack behind one import: `import { kernel, nl, nisa } from "opentrn"`. */
export {
  type BuildOptions,
  type Buffer,
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
