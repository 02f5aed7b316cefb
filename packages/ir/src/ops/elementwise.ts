/** What unary and binary element-by-element records share. */
import { type ElementKind, type Gradient, type OpRecord, operation } from "../define.ts";
import { allocate } from "../storage.ts";
import { isFloatType } from "../types.ts";
import { sameTypes } from "./dims.ts";

type NoAttrs = Record<never, never>;

export interface UnaryMeaning {
  /** In double precision; also fp32 where one rounding of it is the fp32 result, and integers where it is exact. */
  readonly exact: (x: number) => number;
  /** fp32 steps, where `exact` rounded once is not what the chip's arithmetic is defined to give. */
  readonly fp32?: (x: number) => number;
}

export interface BinaryMeaning {
  readonly exact: (x: number, y: number) => number;
  readonly fp32?: (x: number, y: number) => number;
  /** For integer types, where `exact` would lose bits; storing wraps. */
  readonly integer?: (x: number, y: number) => number;
}

interface Common {
  readonly name: string;
  readonly summary: string;
  readonly takes: ElementKind;
  readonly differs?: string;
  readonly gradient: Gradient<NoAttrs>;
}

export const unary = ({
  takes,
  exact,
  fp32,
  ...common
}: Common & UnaryMeaning): OpRecord<NoAttrs> =>
  operation({
    ...common,
    operands: [{ name: "operand", takes }],
    attrs: {},
    constraints: {},
    infer: ({ operands }) => operands,
    evaluate: ([x], { results: [type], arithmetic }) => {
      const out = allocate(type!, arithmetic);
      const f = arithmetic === "fp32" && fp32 ? fp32 : exact;
      for (let i = 0; i < out.length; i++) out[i] = f(x![i]!);
      return [out];
    },
  });

export const binary = ({
  takes,
  exact,
  fp32,
  integer,
  ...common
}: Common & BinaryMeaning): OpRecord<NoAttrs> =>
  operation({
    ...common,
    operands: [
      { name: "lhs", takes },
      { name: "rhs", takes },
    ],
    attrs: {},
    constraints: { C1: sameTypes },
    infer: ({ operands }) => [operands[0]!],
    evaluate: ([x, y], { results: [type], arithmetic }) => {
      const out = allocate(type!, arithmetic);
      const f = !isFloatType(type!)
        ? (integer ?? exact)
        : arithmetic === "fp32" && fp32
          ? fp32
          : exact;
      for (let i = 0; i < out.length; i++) out[i] = f(x![i]!, y![i]!);
      return [out];
    },
  });
