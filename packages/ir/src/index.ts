import "./ops/table.ts";

export { printLiteral, printNumber } from "./attr-text.ts";
export * from "./build/calls.ts";
export * from "./build/contraction.ts";
export * from "./build/elementwise.ts";
export * from "./build/indexed.ts";
export * from "./build/selection.ts";
export * from "./build/shape.ts";
export {
  constant,
  constantLike,
  iota,
  type Operand,
} from "./build/sources.ts";
export * from "./compose/index.ts";
export * from "./composites/index.ts";
export * from "./define.ts";
export { type GeneralRule, generalRules } from "./general-rules.ts";
export * from "./gradient.ts";
export {
  emit,
  emitAny,
  type Func,
  isOpName,
  type OpAttrs,
  type Operation,
  type OpName,
  operationsOf,
  opNames,
  parameterName,
  recordOf,
  type Value,
} from "./graph.ts";
export * from "./interpret.ts";
export { type Body, bodies } from "./ops/reduce.ts";
export { threefry } from "./ops/rng-bit-generator.ts";
export { type ScatterBody, scatterBodies } from "./ops/scatter.ts";
export { type Direction, directions } from "./ops/selection.ts";
export { type OpTable, ops } from "./ops/table.ts";
export * from "./parse.ts";
export * from "./print.ts";
export * from "./rewrite.ts";
export { atSite, Site } from "./site.ts";
export * from "./storage.ts";
export * from "./types.ts";
export * from "./verify.ts";
