/** Lowers tensor programs to instructions: passes, templates for groups of operations, and the plan that ties them. */
export { type CompileOptions, compile } from "./compile.ts";
export { bytesOfTensor, constantBytes, valuesOfBytes } from "./emit/bytes.ts";
export { Emitter, ring } from "./emit/emitter.ts";
export { View } from "./emit/view.ts";
export { type PythonFile, pythonFile } from "./export-nki/python-file.ts";
export { type FuseOptions, fuse } from "./fuse/fuse.ts";
export { lowerGroup, type Module, templateFor } from "./lower/lower-group.ts";
export { templates } from "./lower/table.ts";
export type { Lowering, LowerOptions, Template } from "./lower/template.ts";
export { type Pass, passes } from "./passes/index.ts";
export { simplify } from "./passes/simplify.ts";
export { link } from "./plan/link.ts";
export { makePlan, type PlanOptions } from "./plan/make-plan.ts";
export { checkMemory, memoryOf, type PlanMemory } from "./plan/memory.ts";
export {
  type Buffer,
  type BufferKind,
  type Buffers,
  type Call,
  callCounts,
  type Plan,
} from "./plan/plan.ts";
export { type ModuleTime, type PlanTime, timePlan } from "./plan/time.ts";
