import { describe, expect, it } from "vitest";
import { f32OfBits } from "../convert.ts";
import {
  type ActivationFunction,
  type ActivationName,
  activationFunctions,
  activationNames,
} from "./activation.ts";

/** erf in double precision: its series near zero, the continued fraction of erfc beyond. */
function erf(x: number): number {
  const a = Math.abs(x);
  if (a >= 2.5) return x < 0 ? erfc(a) - 1 : 1 - erfc(a);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (sum * 2) / Math.sqrt(Math.PI);
}
/** erfc for x >= 2.5. */
function erfc(x: number): number {
  let f = 0;
  for (let k = 120; k >= 1; k--) f = k / 2 / (x + f);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + f);
}
const normalCdf = (x: number): number =>
  x < -4 ? erfc(-x / Math.SQRT2) / 2 : (1 + erf(x / Math.SQRT2)) / 2;
const normalPdf = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
const sigmoid = (x: number): number =>
  x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));
const gateDx = (u: number): number => sigmoid(u) * (1 + u * sigmoid(-u));
/** f within +-700, its limits beyond: 0 and x, or 0 and 1 for a derivative. */
const gate =
  (f: (x: number) => number, slope = false) =>
  (x: number): number =>
    x < -700 ? 0 : x > 700 ? (slope ? 1 : x) : f(x);

/** The functions in double precision. */
const exact: Record<ActivationName, (x: number, alpha: number) => number> = {
  copy: (x) => x,
  square: (x) => x * x,
  sigmoid,
  relu: (x) => Math.max(x, 0),
  prelu: (x, alpha) => (x < 0 ? alpha * x : x),
  gelu: gate((x) => x * normalCdf(x)),
  gelu_dx: gate((x) => normalCdf(x) + x * normalPdf(x), true),
  gelu_apprx_tanh: gate((x) => x * sigmoid(2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  gelu_apprx_sigmoid: gate((x) => x * sigmoid(1.702 * x)),
  gelu_apprx_sigmoid_dx: gate((x) => gateDx(1.702 * x), true),
  silu: gate((x) => x * sigmoid(x)),
  silu_dx: gate(gateDx, true),
  tanh: Math.tanh,
  softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  mish: gate((x) => {
    const t = Math.exp(Math.min(x, 50)) * (Math.exp(Math.min(x, 50)) + 2);
    return (x * t) / (t + 2);
  }),
  erf,
  erf_dx: (x) => (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x),
  exp: Math.exp,
  log: Math.log,
  sin: Math.sin,
  arctan: Math.atan,
  sqrt: Math.sqrt,
  rsqrt: (x) => 1 / Math.sqrt(x),
  reciprocal: (x) => 1 / x,
  sign: Math.sign,
  abs: Math.abs,
};

/** One fp32 unit in the last place at magnitude a. */
function ulp(a: number): number {
  const exponent = Math.floor(Math.log2(Math.max(a, 2 ** -126)));
  const settled = 2 ** exponent > a && exponent > -126 ? exponent - 1 : exponent;
  return 2 ** (settled - 23);
}

const largestFp32 = f32OfBits(0x7f7fffff);
const alpha = 0.25;

/** The largest error, in units of the bound, over fp32 patterns of both signs: all binades coarsely, 2^-8 to 64 finely. */
function worstError(name: ActivationName): number {
  const { evaluate, error }: ActivationFunction = activationFunctions[name];
  let worst = 0;
  const visit = (bits: number): void => {
    const x = f32OfBits(bits);
    const want = exact[name](x, alpha);
    const got = evaluate(x, alpha);
    if (Number.isNaN(want)) {
      expect(got).toBeNaN();
      return;
    }
    if (Math.abs(want) > largestFp32) {
      expect(Math.abs(got)).toBeGreaterThanOrEqual(largestFp32);
      return;
    }
    const e = Math.abs(got - want) / ulp(Math.max(Math.abs(want), error.floor));
    if (!(e <= worst)) worst = e;
  };
  for (const sign of [0, 0x80000000]) {
    for (let bits = 0; bits < 0x7f800000; bits += 26041) visit((sign | bits) >>> 0);
    for (let bits = 0x3b800000; bits < 0x42800000; bits += 607) visit((sign | bits) >>> 0);
  }
  return worst;
}

describe("error against double precision", () => {
  for (const name of activationNames) {
    const { error }: ActivationFunction = activationFunctions[name];
    it(`${name} stays within ${error.ulp} ulp (of ${error.floor} at least), and the bound is tight`, () => {
      const worst = worstError(name);
      expect(worst).toBeLessThanOrEqual(error.ulp);
      expect(error.ulp).toBeLessThanOrEqual(2 * worst);
    });
  }
});

describe("special values", () => {
  const [inf, nan] = [Number.POSITIVE_INFINITY, Number.NaN];
  const rows: [ActivationName, number, number][] = [
    ["exp", -inf, 0],
    ["exp", inf, inf],
    ["log", 0, -inf],
    ["log", -0, -inf],
    ["log", -1, nan],
    ["log", inf, inf],
    ["tanh", -inf, -1],
    ["tanh", -0, -0],
    ["erf", inf, 1],
    ["erf", -0, -0],
    ["sin", inf, nan],
    ["sin", -0, -0],
    ["arctan", -inf, Math.fround(-Math.PI / 2)],
    ["arctan", -0, -0],
    ["gelu", -inf, -0],
    ["gelu", inf, inf],
    ["silu", -inf, -0],
    ["silu_dx", inf, 1],
    ["gelu_dx", -inf, 0],
    ["mish", -inf, -0],
    ["mish", inf, inf],
    ["softplus", inf, inf],
    ["softplus", -inf, 0],
    ["sqrt", -1, nan],
    ["rsqrt", 0, inf],
    ["reciprocal", -0, -inf],
    ["sign", -0, 0],
    ["sign", -3, -1],
    ["relu", -0, 0],
    ["prelu", -4, -1],
  ];
  for (const [name, x, want] of rows)
    it(`${name}(${x}) is ${want}`, () => {
      expect(activationFunctions[name].evaluate(x, alpha)).toBe(want);
    });

  it("NaN stays NaN everywhere", () => {
    for (const name of activationNames)
      expect(activationFunctions[name].evaluate(nan, alpha)).toBeNaN();
  });
});

describe("sine far out", () => {
  it("keeps its accuracy to the end of fp32, beyond the chip's own table", () => {
    // Double-precision sine of the exact fp32 value, as the host computes it.
    for (const x of [25736, 1e6, 123456.789, 1e10, 1e20, 3.4e38, -7e30].map(Math.fround))
      expect(Math.abs(activationFunctions.sin.evaluate(x) - Math.sin(x))).toBeLessThan(2 ** -22);
  });
});
