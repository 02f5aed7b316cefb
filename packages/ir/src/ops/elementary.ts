/** negate, abs, sign and the elementary functions: one tensor, element by element. */
import {
  activate,
  coefficients,
  exp,
  log as logFp32,
  sigmoid,
  sin,
  tanh as tanhFp32,
} from "@opentrn/numerics";
import * as b from "../build/elementwise.ts";
import { unary } from "./elementwise.ts";

const f = Math.fround;
/** k + 1/2 has one bit more than the multiples of pi that `sin` subtracts exactly. */
const halfRange = coefficients.sinBound[0] / 2;

/**
 * sin(x - (k + 1/2) pi) with pi in three parts, as `sin` reduces; 1 - 2 sin^2(x / 2) beyond that reduction's range and below pi / 4,
 * so that cos 0 is 1. Within 2.5 * 2^-24 of the cosine up to 12867, 9 * 2^-24 beyond.
 */
function cosineFp32(x: number): number {
  const a = Math.abs(x);
  if (a < Math.PI / 4 || !(a < halfRange)) {
    const s = sin(f(a / 2));
    return f(1 - f(2 * f(s * s)));
  }
  const k = Math.round(f(a * coefficients.inversePi[0]) - 0.5);
  const n = k + 0.5;
  const r = f(
    f(f(a - f(n * coefficients.piHigh[0])) - f(n * coefficients.piMiddle[0])) -
      f(n * coefficients.piLow[0]),
  );
  return k % 2 === 0 ? -sin(r) : sin(r);
}

export const negate = unary({
  name: "negate",
  summary: "-x; integers wrap.",
  takes: "number",
  exact: (x) => -x,
  gradient: ({ cotangent: g }) => [b.negate(g)],
});

export const abs = unary({
  name: "abs",
  summary: "|x|.",
  takes: "number",
  exact: Math.abs,
  gradient: ({ operands: [x], cotangent: g }) => [b.multiply(g, b.sign(x!))],
});

export const sign = unary({
  name: "sign",
  summary: "-1, 0 or 1; NaN stays.",
  takes: "number",
  exact: (x) => activate("sign", x),
  gradient: { notDifferentiable: "it is constant but for the jump at zero" },
});

export const exponential = unary({
  name: "exponential",
  summary: "e to the power x.",
  takes: "float",
  exact: Math.exp,
  fp32: exp,
  gradient: ({ results: [y], cotangent: g }) => [b.multiply(g, y!)],
});

export const log = unary({
  name: "log",
  summary: "Natural logarithm; -infinity at 0, NaN below.",
  takes: "float",
  exact: Math.log,
  fp32: logFp32,
  gradient: ({ operands: [x], cotangent: g }) => [b.divide(g, x!)],
});

export const sqrt = unary({
  name: "sqrt",
  summary: "Square root.",
  takes: "float",
  exact: Math.sqrt,
  gradient: ({ results: [y], cotangent: g }) => [b.divide(b.multiply(g, 0.5), y!)],
});

export const rsqrt = unary({
  name: "rsqrt",
  summary: "1 / square root: a square root, then a division, each rounded.",
  takes: "float",
  exact: (x) => 1 / Math.sqrt(x),
  fp32: (x) => activate("rsqrt", x),
  gradient: ({ results: [y], cotangent: g }) => [
    b.multiply(b.multiply(g, -0.5), b.multiply(y!, b.multiply(y!, y!))),
  ],
});

export const tanh = unary({
  name: "tanh",
  summary: "Hyperbolic tangent.",
  takes: "float",
  exact: Math.tanh,
  fp32: tanhFp32,
  gradient: ({ results: [y], cotangent: g }) => [b.multiply(g, b.subtract(1, b.multiply(y!, y!)))],
});

export const logistic = unary({
  name: "logistic",
  summary: "1 / (1 + e^-x).",
  takes: "float",
  exact: (x) => 1 / (1 + Math.exp(-x)),
  fp32: sigmoid,
  gradient: ({ results: [y], cotangent: g }) => [b.multiply(g, b.multiply(y!, b.subtract(1, y!)))],
});

export const sine = unary({
  name: "sine",
  summary: "Sine, over all of fp32.",
  takes: "float",
  exact: Math.sin,
  fp32: sin,
  gradient: ({ operands: [x], cotangent: g }) => [b.multiply(g, b.cosine(x!))],
});

export const cosine = unary({
  name: "cosine",
  summary: "Cosine, over all of fp32.",
  takes: "float",
  exact: Math.cos,
  fp32: cosineFp32,
  gradient: ({ operands: [x], cotangent: g }) => [b.negate(b.multiply(g, b.sine(x!)))],
});
