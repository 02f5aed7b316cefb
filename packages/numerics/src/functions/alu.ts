/**
 * The ALU operations of NKI instructions, one row each. Arithmetic operations see fp32 values and round once per operation; bitvec
 * operations see raw bits. Source: NKI API reference, "Supported Math Operators for NKI ISA", and nl.abs_max / nl.abs_min (NKI 0.6.0).
 *
 * Defined here because the documentation is silent: maximum and minimum propagate NaN and order -0 below +0 (IEEE 754-2019, WebAssembly
 * f32x4.max, Math.max); NaN counts as true in logical operations; a shift by the element width or more gives 0.
 */
import { div, mul, sqrt } from "./arithmetic.ts";
import { power } from "./power.ts";

export interface ArithmeticOp {
  readonly class: "arithmetic";
  /** 1: `b` is ignored (`operand` 0 or None in NKI). */
  readonly arity: 1 | 2;
  readonly evaluate: (a: number, b: number) => number;
  /** The start value of a reduction; absent where the operation is not a legal reduction. */
  readonly identity?: number;
  /** A start value the chip documents for accumulator registers only (activate2). */
  readonly accumulatorIdentity?: number;
  readonly meaning: string;
}

export interface BitvecOp {
  readonly class: "bitvec";
  readonly arity: 1 | 2;
  /** On raw bits zero-extended to 32; the result is truncated to `width` (8, 16 or 32) bits. */
  readonly evaluate: (a: number, b: number, width: number) => number;
  readonly identity?: number;
  readonly meaning: string;
}

export type AluOp = ArithmeticOp | BitvecOp;

type Fp32 = (a: number, b: number) => number;
const truth = (condition: boolean): number => (condition ? 1 : 0);
const binary = (meaning: string, evaluate: Fp32, identity?: number): ArithmeticOp => ({
  class: "arithmetic",
  arity: 2,
  meaning,
  evaluate,
  ...(identity === undefined ? {} : { identity }),
});
const unary = (meaning: string, evaluate: Fp32): ArithmeticOp => ({
  class: "arithmetic",
  arity: 1,
  meaning,
  evaluate,
});
const mask = (width: number): number => (width === 32 ? 0xffffffff : 2 ** width - 1);
const bitvec = (
  meaning: string,
  arity: 1 | 2,
  evaluate: (a: number, b: number, width: number) => number,
  identity?: number,
): BitvecOp => ({
  class: "bitvec",
  arity,
  meaning,
  evaluate: (a, b, width) => (evaluate(a, b, width) & mask(width)) >>> 0,
  ...(identity === undefined ? {} : { identity }),
});

/** The row's position is the operation's number in records and kernels. */
export const aluOps = {
  bypass: unary("a", (a) => a),
  add: binary("a + b", (a, b) => Math.fround(a + b), 0),
  subtract: binary("a - b", (a, b) => Math.fround(a - b), 0),
  multiply: binary("a b", (a, b) => Math.fround(a * b), 1),
  maximum: binary("max(a, b)", (a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY),
  minimum: binary("min(a, b)", (a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
  equal: binary("a = b", (a, b) => truth(a === b)),
  not_equal: binary("a ≠ b", (a, b) => truth(a !== b)),
  greater_equal: binary("a ≥ b", (a, b) => truth(a >= b)),
  greater: binary("a > b", (a, b) => truth(a > b)),
  less_equal: binary("a ≤ b", (a, b) => truth(a <= b)),
  less: binary("a < b", (a, b) => truth(a < b)),
  logical_and: binary("a ≠ 0 and b ≠ 0", (a, b) => truth(a !== 0 && b !== 0), 1),
  logical_or: binary("a ≠ 0 or b ≠ 0", (a, b) => truth(a !== 0 || b !== 0), 0),
  logical_xor: binary("(a ≠ 0) ≠ (b ≠ 0)", (a, b) => truth((a !== 0) !== (b !== 0)), 0),
  power: binary("aᵇ", power),
  abs_max: {
    ...binary("|a| > |b| ? a : b", (a, b) => (Math.abs(a) > Math.abs(b) ? a : b)),
    accumulatorIdentity: 0,
  },
  abs_min: {
    ...binary("|a| < |b| ? a : b", (a, b) => (Math.abs(a) < Math.abs(b) ? a : b)),
    accumulatorIdentity: Number.POSITIVE_INFINITY,
  },
  abs: unary("|a|", (a) => Math.abs(a)),
  square: unary("a²", (a) => mul(a, a)),
  relu: unary("max(a, 0)", (a) => Math.max(a, 0)),
  rsqrt: unary("1 / √a", (a) => div(1, sqrt(a))),
  reciprocal: unary("1 / a", (a) => div(1, a)),
  invert: bitvec("not a", 1, (a) => ~a),
  bitwise_and: bitvec("a and b", 2, (a, b) => a & b, 0xffffffff),
  bitwise_or: bitvec("a or b", 2, (a, b) => a | b, 0),
  bitwise_xor: bitvec("a xor b", 2, (a, b) => a ^ b, 0),
  left_shift: bitvec("a << b", 2, (a, b, width) => (b >= width ? 0 : a << b)),
  right_shift: bitvec("a >>> b (logical)", 2, (a, b, width) => (b >= width ? 0 : a >>> b)),
} as const satisfies Record<string, AluOp>;

export type AluName = keyof typeof aluOps;
export const aluNames = Object.keys(aluOps) as readonly AluName[];
/** The row of that name, seen as the general type. */
export const aluOp = (name: AluName): AluOp => aluOps[name];
/** The operation's number in records and kernels. */
export const aluId = Object.fromEntries(aluNames.map((n, i) => [n, i])) as Readonly<
  Record<AluName, number>
>;
export const isBitvec = (name: AluName): boolean => aluOps[name].class === "bitvec";
/** Whether `name` is a legal reduction operation. */
export const isReduction = (name: AluName): boolean => aluOp(name).identity !== undefined;

/**
 * Exact 32-bit integer arithmetic of GpSimd, for tiles that are all int32 or uint32. Operands and results are raw bits; overflow wraps.
 * Source: nki.isa.tensor_tensor, "int32/uint32 types" (NKI 0.6.0); wrapping is our choice.
 */
export const integerOps = {
  add: (a, b) => (a + b) >>> 0,
  subtract: (a, b) => (a - b) >>> 0,
  multiply: (a, b) => Math.imul(a, b) >>> 0,
  maximum: (a, b, signed) => (order(a, b, signed) < 0 ? b : a) >>> 0,
  minimum: (a, b, signed) => (order(a, b, signed) > 0 ? b : a) >>> 0,
  equal: (a, b) => truth(a >>> 0 === b >>> 0),
  not_equal: (a, b) => truth(a >>> 0 !== b >>> 0),
  greater_equal: (a, b, signed) => truth(order(a, b, signed) >= 0),
  greater: (a, b, signed) => truth(order(a, b, signed) > 0),
  less_equal: (a, b, signed) => truth(order(a, b, signed) <= 0),
  less: (a, b, signed) => truth(order(a, b, signed) < 0),
} as const satisfies Partial<Record<AluName, (a: number, b: number, signed: boolean) => number>>;
export type IntegerOpName = keyof typeof integerOps;

const order = (a: number, b: number, signed: boolean): number =>
  signed ? (a | 0) - (b | 0) : (a >>> 0) - (b >>> 0);
