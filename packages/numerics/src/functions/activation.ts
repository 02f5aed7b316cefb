/**
 * The activation functions of ScalarE, one row each. The chip evaluates unpublished piecewise polynomials; these are our own definitions
 * (fp32 steps only, see arithmetic.ts), with their error against double precision measured by activation.test.ts.
 * Source of names and input ranges: NKI API reference, "Supported Activation Functions for NKI ISA" (NKI 0.6.0).
 */
import { add, atLeast, atMost, div, mul, sqrt } from "./arithmetic.ts";
import { coefficients as c } from "./coefficients.ts";
import { antiSigmoid, arctan, erf, exp, log, log1p, sigmoid, sin, tanh } from "./elementary.ts";

/** |f(x) - exact| <= ulp * (fp32 unit in the last place of max(|exact|, floor)). floor 0: a relative bound everywhere. */
export interface ErrorBound {
  readonly ulp: number;
  readonly floor: number;
}

export interface ActivationFunction {
  /** The fp32 result for fp32 `x`. `alpha` is `relu_param` of activate2 (0 elsewhere); only prelu reads it. */
  readonly evaluate: (x: number, alpha: number) => number;
  readonly meaning: string;
  readonly error: ErrorBound;
  /** Inputs for which the chip is documented to be right; absent means all. We are right outside as well. */
  readonly hardwareRange?: readonly [low: number, high: number];
}

/** x held within +-128, where every gate has reached 0 or 1. */
const gateInput = (x: number): number => atMost(atLeast(x, c.gateLowest[0]), c.gateHighest[0]);
/** The factor x in x * gate(x): held above -128 so that -infinity gives -0 and not NaN. */
const gated = (x: number): number => atLeast(x, c.gateLowest[0]);
/** e^(-x^2 / 2) / sqrt(2 pi). */
const density = (x: number): number => mul(exp(mul(-0.5, mul(x, x))), c.inverseSqrt2Pi[0]);
const onePlusErf = (x: number): number => add(1, erf(mul(x, c.inverseSqrt2[0])));

function silu(x: number): number {
  return mul(gated(x), sigmoid(x));
}

function siluDx(x: number): number {
  const y = gateInput(x);
  const s = sigmoid(y);
  return mul(s, add(1, mul(y, antiSigmoid(y))));
}

function gelu(x: number): number {
  return mul(mul(0.5, gated(x)), onePlusErf(x));
}

function geluDx(x: number): number {
  const y = gateInput(x);
  return add(mul(0.5, onePlusErf(y)), mul(y, density(y)));
}

function geluTanh(x: number): number {
  // 0.5 (1 + tanh u) = sigmoid(2 u)
  const cubic = add(c.geluTanhLinear[0], mul(c.geluTanhCubic[0], mul(x, x)));
  return mul(gated(x), sigmoid(mul(x, cubic)));
}

function geluSigmoid(x: number): number {
  return mul(gated(x), sigmoid(mul(c.geluSigmoid[0], x)));
}

function geluSigmoidDx(x: number): number {
  const u = mul(c.geluSigmoid[0], gateInput(x));
  const s = sigmoid(u);
  return mul(s, add(1, mul(u, antiSigmoid(u))));
}

function softplus(x: number): number {
  return add(atLeast(x, 0), log1p(exp(-Math.abs(x))));
}

function mish(x: number): number {
  // tanh(ln(1 + e)) = e (e + 2) / (e (e + 2) + 2)
  const e = exp(atMost(x, c.mishHighest[0]));
  const t = mul(e, add(e, 2));
  return mul(gated(x), div(t, add(t, 2)));
}

const exact: ErrorBound = { ulp: 0, floor: 0 };

/** The row's position is the function's number in records and kernels. */
export const activationFunctions = {
  copy: { evaluate: (x) => x, meaning: "x", error: exact },
  square: { evaluate: (x) => mul(x, x), meaning: "x²", error: { ulp: 0.5, floor: 0 } },
  sigmoid: { evaluate: sigmoid, meaning: "1 / (1 + e⁻ˣ)", error: { ulp: 2.75, floor: 0 } },
  relu: { evaluate: (x) => Math.max(x, 0), meaning: "max(x, 0)", error: exact },
  prelu: {
    evaluate: (x, alpha) => (x < 0 ? mul(alpha, x) : x),
    meaning: "x < 0 ? alpha x : x",
    error: { ulp: 0.5, floor: 0 },
  },
  gelu: { evaluate: gelu, meaning: "x Φ(x)", error: { ulp: 1.75, floor: 1 } },
  gelu_dx: { evaluate: geluDx, meaning: "Φ(x) + x φ(x)", error: { ulp: 1.5, floor: 1 } },
  gelu_apprx_tanh: {
    evaluate: geluTanh,
    meaning: "x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2",
    error: { ulp: 4, floor: 2 ** -3 },
  },
  gelu_apprx_sigmoid: {
    evaluate: geluSigmoid,
    meaning: "x sigmoid(1.702 x)",
    error: { ulp: 3, floor: 2 ** -3 },
  },
  gelu_apprx_sigmoid_dx: {
    evaluate: geluSigmoidDx,
    meaning: "s (1 + 1.702 x (1 - s)), s = sigmoid(1.702 x)",
    error: { ulp: 2.25, floor: 1 },
  },
  silu: { evaluate: silu, meaning: "x sigmoid(x)", error: { ulp: 3.5, floor: 2 ** -110 } },
  silu_dx: {
    evaluate: siluDx,
    meaning: "s (1 + x (1 - s)), s = sigmoid(x)",
    error: { ulp: 2.25, floor: 1 },
  },
  tanh: { evaluate: tanh, meaning: "tanh x", error: { ulp: 1.5, floor: 0 } },
  softplus: { evaluate: softplus, meaning: "ln(1 + eˣ)", error: { ulp: 2.25, floor: 0 } },
  mish: { evaluate: mish, meaning: "x tanh(ln(1 + eˣ))", error: { ulp: 5, floor: 2 ** -110 } },
  erf: { evaluate: erf, meaning: "erf x", error: { ulp: 1.5, floor: 0 } },
  erf_dx: {
    evaluate: (x) => mul(c.twoInverseSqrtPi[0], exp(-mul(x, x))),
    meaning: "2 e^(-x²) / √π",
    error: { ulp: 3.5, floor: 2 ** -3 },
  },
  exp: { evaluate: exp, meaning: "eˣ", error: { ulp: 1, floor: 0 } },
  log: {
    evaluate: log,
    meaning: "ln x",
    error: { ulp: 1, floor: 0 },
    hardwareRange: [2 ** -64, 2 ** 64],
  },
  sin: {
    evaluate: sin,
    meaning: "sin x",
    error: { ulp: 2.75, floor: 2 ** -8 },
    hardwareRange: [-Math.PI, Math.PI],
  },
  arctan: {
    evaluate: arctan,
    meaning: "arctan x",
    error: { ulp: 1.75, floor: 0 },
    hardwareRange: [-Math.PI / 2, Math.PI / 2],
  },
  sqrt: {
    evaluate: sqrt,
    meaning: "√x",
    error: { ulp: 0.5, floor: 0 },
    hardwareRange: [2 ** -116, 2 ** 118],
  },
  rsqrt: {
    evaluate: (x) => div(1, sqrt(x)),
    meaning: "1 / √x",
    error: { ulp: 1.5, floor: 0 },
    hardwareRange: [2 ** -87, 2 ** 97],
  },
  reciprocal: {
    evaluate: (x) => div(1, x),
    meaning: "1 / x",
    error: { ulp: 0.5, floor: 0 },
    hardwareRange: [2 ** -42, 2 ** 42],
  },
  sign: {
    evaluate: (x) => (x > 0 ? 1 : x < 0 ? -1 : x === 0 ? 0 : x),
    meaning: "-1, 0 or 1",
    error: exact,
  },
  abs: { evaluate: (x) => Math.abs(x), meaning: "|x|", error: exact },
} as const satisfies Record<string, ActivationFunction>;

export type ActivationName = keyof typeof activationFunctions;
export const activationNames = Object.keys(activationFunctions) as readonly ActivationName[];
/** The function's number in records and kernels. */
export const activationId = Object.fromEntries(activationNames.map((n, i) => [n, i])) as Readonly<
  Record<ActivationName, number>
>;

/** f(x) rounded to fp32; `alpha` is the slope of prelu below zero. */
export const activate = (name: ActivationName, x: number, alpha = 0): number =>
  (activationFunctions[name] as ActivationFunction).evaluate(x, alpha);
