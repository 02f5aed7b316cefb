/** Lowers tensor programs to instructions: passes, templates for groups of operations, and the plan that ties them. */
export { Emitter, ring } from "./emit/emitter.ts";
export { View } from "./emit/view.ts";
export { lowerGroup, type Module, templateFor } from "./lower/lower-group.ts";
export { templates } from "./lower/table.ts";
export type { Lowering, LowerOptions, Template } from "./lower/template.ts";
