/** Builders of values that come from nowhere: constants, counters. */
import { OpenTrnError } from "@opentrn/base";
import type { Literal } from "../define.ts";
import { emitOne, type Value } from "../graph.ts";
import { siteHere } from "../site.ts";
import { representable, tensorOf } from "../storage.ts";
import type { ElementType, TensorType } from "../types.ts";

/** A value, or a number that stands for a constant of the other operand's type. */
export type Operand = Value | number;

/**
 * A constant of that type: one number everywhere, or every element row-major. Floats round to the type; integers must be in range.
 */
export function constant(type: TensorType, value: number | ArrayLike<number>): Value {
  const literal: Literal =
    typeof value === "number"
      ? representable(value, type.dtype)
      : tensorOf({ shape: [value.length], dtype: type.dtype }, value).data;
  return emitOne("constant", [], { value: literal, shape: type.shape, dtype: type.dtype });
}

/** A constant of the type of `x`. */
export const constantLike = (x: Value, value: number): Value => constant(x.type, value);

/** 0, 1, 2, ... along `dimension`; int32 unless said otherwise. */
export const iota = (
  shape: readonly number[],
  dimension: number,
  dtype: ElementType = "int32",
): Value => emitOne("iota", [], { iota_dimension: dimension, shape, dtype });

/** The operands of an element-by-element operation as values: a number takes the type of the first value among them. */
export function promote(name: string, operands: readonly Operand[]): readonly Value[] {
  const like = operands.find((o) => typeof o !== "number");
  if (like === undefined)
    throw new OpenTrnError(
      `${name}: all operands are numbers (${operands.join(", ")}); make one a tensor with constant(type, value)`,
      { category: "invalid program", at: siteHere().location },
    );
  return operands.map((o) => (typeof o === "number" ? constantLike(like, o) : o));
}
