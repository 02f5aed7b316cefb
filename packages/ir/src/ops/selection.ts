/** compare, select, convert, and the value that gradients take for a constant. */
import * as b from "../build/selection.ts";
import { constantLike } from "../build/sources.ts";
import { operation } from "../define.ts";
import { allocate } from "../storage.ts";
import { isFloatType, printType, sameShape } from "../types.ts";
import { sameTypes } from "./dims.ts";

export const directions = ["EQ", "NE", "GE", "GT", "LE", "LT"] as const;
export type Direction = (typeof directions)[number];

const holds: Record<Direction, (x: number, y: number) => boolean> = {
  EQ: (x, y) => x === y,
  NE: (x, y) => x !== y,
  GE: (x, y) => x >= y,
  GT: (x, y) => x > y,
  LE: (x, y) => x <= y,
  LT: (x, y) => x < y,
};

export const compare = operation({
  name: "compare",
  summary: "Whether lhs and rhs stand in that relation; every one but NE is false for NaN.",
  differs: "no TOTALORDER comparison; the comparison type follows from the element type",
  operands: [
    { name: "lhs", takes: "any" },
    { name: "rhs", takes: "any" },
  ],
  attrs: { comparison_direction: { kind: "enum", values: directions } },
  constraints: { C1: sameTypes },
  infer: ({ operands }) => [{ shape: operands[0]!.shape, dtype: "bool_" }],
  evaluate: ([x, y], { attrs, results: [type], arithmetic }) => {
    const out = allocate(type!, arithmetic);
    const f = holds[attrs.comparison_direction];
    for (let i = 0; i < out.length; i++) out[i] = f(x![i]!, y![i]!) ? 1 : 0;
    return [out];
  },
  gradient: { notDifferentiable: "its results are truth values" },
});

export const select = operation({
  name: "select",
  summary: "on_true where pred, else on_false; a scalar pred picks one of them whole.",
  operands: [
    { name: "pred", takes: "bool" },
    { name: "on_true", takes: "any" },
    { name: "on_false", takes: "any" },
  ],
  attrs: {},
  constraints: {
    C1: {
      says: "pred is a scalar or has the shape of on_true",
      broken: ({ operands: [pred, x] }) =>
        pred!.shape.length === 0 || sameShape(pred!.shape, x!.shape)
          ? undefined
          : `pred is ${printType(pred!)}, on_true ${printType(x!)}; broadcast pred`,
    },
    C2: {
      says: "on_true and on_false have the same shape and element type",
      broken: ({ operands: [, ...values] }) => sameTypes.broken({ operands: values, attrs: {} }),
    },
  },
  infer: ({ operands }) => [operands[1]!],
  evaluate: ([pred, x, y], { operands, results: [type], arithmetic }) => {
    const out = allocate(type!, arithmetic);
    const step = operands[0]!.shape.length === 0 ? 0 : 1;
    for (let i = 0; i < out.length; i++) out[i] = pred![i * step] ? x![i]! : y![i]!;
    return [out];
  },
  moves: true,
  gradient: ({ operands: [pred], cotangent: g, needs }) => {
    const zero = constantLike(g, 0);
    return [
      undefined,
      needs[1] ? b.select(pred!, g, zero) : undefined,
      needs[2] ? b.select(pred!, zero, g) : undefined,
    ];
  },
});

const limits = (bytes: number, signed: boolean): readonly [number, number] =>
  signed ? [-(2 ** (8 * bytes - 1)), 2 ** (8 * bytes - 1) - 1] : [0, 2 ** (8 * bytes) - 1];

export const convert = operation({
  name: "convert",
  summary:
    "To another element type. Floats to integers truncate; to i1 everything but zero is true; integers to floats round to fp32, then to the type.",
  differs:
    "floats outside an integer type saturate and NaN becomes 0; integers outside one wrap; StableHLO leaves these open",
  operands: [{ name: "operand", takes: "any" }],
  attrs: { dtype: { kind: "dtype" } },
  constraints: {},
  infer: ({ operands, attrs: { dtype } }) => [{ shape: operands[0]!.shape, dtype }],
  evaluate: ([x], { operands, attrs: { dtype }, results: [type], arithmetic }) => {
    const out = allocate(type!, arithmetic);
    if (dtype === "bool_") for (let i = 0; i < out.length; i++) out[i] = x![i] === 0 ? 0 : 1;
    else if (isFloatType(type!) || !isFloatType(operands[0]!)) out.set(x!);
    else {
      const [low, high] = limits(out.BYTES_PER_ELEMENT, dtype.startsWith("int"));
      for (let i = 0; i < out.length; i++)
        out[i] = Number.isNaN(x![i]) ? 0 : Math.min(Math.max(Math.trunc(x![i]!), low), high);
    }
    return [out];
  },
  gradient: ({ operands: [x], cotangent: g }) =>
    isFloatType(x!.type) ? [b.convert(g, x!.type.dtype)] : [undefined],
});

export const stopGradient = operation({
  name: "stop_gradient",
  summary: "The operand; gradients take it for a constant.",
  differs: "StableHLO has no such operation: frameworks drop it before they come there",
  operands: [{ name: "operand", takes: "any" }],
  attrs: {},
  constraints: {},
  infer: ({ operands }) => [operands[0]!],
  evaluate: ([x]) => [x!.slice()],
  moves: true,
  gradient: () => [undefined],
});
