/** Builders of compare, select, convert and stop_gradient. */
import { emitOne, type Value } from "../graph.ts";
import type { Direction } from "../ops/selection.ts";
import type { ElementType } from "../types.ts";
import { type Operand, promote } from "./sources.ts";

/** i1: whether x and y stand in that relation. */
export const compare = (x: Operand, y: Operand, direction: Direction): Value =>
  emitOne("compare", promote("compare", [x, y]), { comparison_direction: direction });

/** `onTrue` where `pred`, else `onFalse`; a number stands for a constant of the other's type. */
export const select = (pred: Value, onTrue: Operand, onFalse: Operand): Value =>
  emitOne("select", [pred, ...promote("select", [onTrue, onFalse])], {});

/** x as another element type; x itself when it already has it. */
export const convert = (x: Value, dtype: ElementType): Value =>
  x.type.dtype === dtype ? x : emitOne("convert", [x], { dtype });

/** x, which gradients take for a constant: the maximum that a softmax subtracts changes nothing, so it needs no cotangent. */
export const stopGradient = (x: Value): Value => emitOne("stop_gradient", [x], {});
