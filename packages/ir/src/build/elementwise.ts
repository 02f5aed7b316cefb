/** Builders of element-by-element operations. A number operand stands for a constant of the other operand's type. */
import { emitOne, type Value } from "../graph.ts";
import { type Operand, promote } from "./sources.ts";

/** lhs + rhs. */
export const add = (x: Operand, y: Operand): Value => emitOne("add", promote("add", [x, y]), {});
/** lhs - rhs. */
export const subtract = (x: Operand, y: Operand): Value =>
  emitOne("subtract", promote("subtract", [x, y]), {});
/** lhs times rhs. */
export const multiply = (x: Operand, y: Operand): Value =>
  emitOne("multiply", promote("multiply", [x, y]), {});
/** lhs / rhs; integers truncate. */
export const divide = (x: Operand, y: Operand): Value =>
  emitOne("divide", promote("divide", [x, y]), {});
/** The larger; NaN wins. */
export const maximum = (x: Operand, y: Operand): Value =>
  emitOne("maximum", promote("maximum", [x, y]), {});
/** The smaller; NaN wins. */
export const minimum = (x: Operand, y: Operand): Value =>
  emitOne("minimum", promote("minimum", [x, y]), {});
/** lhs to the power rhs; floats. */
export const power = (x: Operand, y: Operand): Value =>
  emitOne("power", promote("power", [x, y]), {});

export const negate = (x: Value): Value => emitOne("negate", [x], {});
/** |x|. */
export const abs = (x: Value): Value => emitOne("abs", [x], {});
/** -1, 0 or 1. */
export const sign = (x: Value): Value => emitOne("sign", [x], {});
/** e to the power x. */
export const exponential = (x: Value): Value => emitOne("exponential", [x], {});
/** Natural logarithm. */
export const log = (x: Value): Value => emitOne("log", [x], {});
export const sqrt = (x: Value): Value => emitOne("sqrt", [x], {});
/** 1 / square root. */
export const rsqrt = (x: Value): Value => emitOne("rsqrt", [x], {});
export const tanh = (x: Value): Value => emitOne("tanh", [x], {});
/** 1 / (1 + e^-x). */
export const logistic = (x: Value): Value => emitOne("logistic", [x], {});
export const sine = (x: Value): Value => emitOne("sine", [x], {});
export const cosine = (x: Value): Value => emitOne("cosine", [x], {});

/** Logical and of i1, bitwise and of integers. */
export const and = (x: Value, y: Value): Value => emitOne("and", [x, y], {});
/** Logical or of i1, bitwise or of integers. */
export const or = (x: Value, y: Value): Value => emitOne("or", [x, y], {});
/** Logical not of i1, bitwise not of integers. */
export const not = (x: Value): Value => emitOne("not", [x], {});
