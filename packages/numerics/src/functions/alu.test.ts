import { Random } from "@opentrn/base";
import { describe, expect, it } from "vitest";
import { type AluName, aluNames, aluOp, aluOps, integerOps, isReduction } from "./alu.ts";

const [inf, nan] = [Number.POSITIVE_INFINITY, Number.NaN];
const value = (name: AluName, a: number, b = 0, width = 32): number =>
  aluOp(name).evaluate(a, b, width);

describe("ALU operations", () => {
  const rows: [AluName, number, number, number][] = [
    ["bypass", 3, 5, 3],
    ["add", 16777216, 1, 16777216],
    ["subtract", 1, 3, -2],
    ["multiply", 3e38, 2, inf],
    ["maximum", nan, 1, nan],
    ["maximum", 1, nan, nan],
    ["maximum", -0, 0, 0],
    ["minimum", 0, -0, -0],
    ["minimum", nan, 1, nan],
    ["equal", nan, nan, 0],
    ["not_equal", nan, nan, 1],
    ["greater_equal", 2, 2, 1],
    ["less", 2, 2, 0],
    ["logical_and", nan, 1, 1],
    ["logical_or", 0, -0, 0],
    ["logical_xor", 5, 2, 0],
    ["abs_max", -5, 3, -5],
    ["abs_max", 1, -1, -1],
    ["abs_min", -5, 3, 3],
    ["abs_min", 1, -1, -1],
    ["abs", -0, 0, 0],
    ["relu", nan, 0, nan],
    ["relu", -2, 0, 0],
    ["rsqrt", 4, 0, 0.5],
    ["rsqrt", 0, 0, inf],
    ["reciprocal", -0, 0, -inf],
    ["reciprocal", 3, 0, Math.fround(1 / 3)],
  ];
  for (const [name, a, b, want] of rows)
    it(`${name}(${a}, ${b}) is ${want}`, () => expect(value(name, a, b)).toBe(want));

  const bits: [AluName, number, number, number, number][] = [
    ["invert", 0x0f, 0, 8, 0xf0],
    ["bitwise_and", 0xffffffff, 0x80000001, 32, 0x80000001],
    ["bitwise_or", 0x80000000, 1, 32, 0x80000001],
    ["bitwise_xor", 0xff, 0x0f, 16, 0xf0],
    ["left_shift", 0x81, 1, 8, 2],
    ["left_shift", 1, 8, 8, 0],
    ["left_shift", 1, 31, 32, 0x80000000],
    ["left_shift", 1, 32, 32, 0],
    ["right_shift", 0x80000000, 31, 32, 1],
    ["right_shift", 0x8000, 0xffff, 16, 0],
  ];
  for (const [name, a, b, width, want] of bits)
    it(`${name}(0x${a.toString(16)}, ${b}) in ${width} bits is 0x${want.toString(16)}`, () =>
      expect(value(name, a, b, width)).toBe(want));

  it("exactly the documented operations are legal reductions", () => {
    expect(aluNames.filter(isReduction)).toEqual([
      "add",
      "subtract",
      "multiply",
      "maximum",
      "minimum",
      "logical_and",
      "logical_or",
      "logical_xor",
      "bitwise_and",
      "bitwise_or",
      "bitwise_xor",
    ]);
  });

  it("an identity leaves every value as it is", () => {
    for (const name of aluNames.filter(isReduction)) {
      const op = aluOp(name);
      const isTruth = name.startsWith("logical");
      // 0 - x changes the sign: the chip's accumulator starts subtract at 0 all the same.
      if (name === "subtract") continue;
      for (const x of [0, 1, 2, 255])
        expect(op.evaluate(op.identity!, x, 32)).toBe(isTruth ? Number(x !== 0) : x);
    }
  });
});

describe("power", () => {
  const rows: [number, number, number][] = [
    [3, 2, 9],
    [2, -149, 2 ** -149],
    [2, 127, 2 ** 127],
    [2, 128, inf],
    [10, 10, 1e10],
    [7, 8, 5764801],
    [-2, 3, -8],
    [-2, 2, 4],
    [-8, Math.fround(1 / 3), nan],
    [nan, 0, 1],
    [1, nan, 1],
    [nan, 1, nan],
    [0, -1, inf],
    [-0, -3, -inf],
    [-0, 3, -0],
    [-0, 2, 0],
    [-inf, 3, -inf],
    [-inf, -3, -0],
    [inf, -0.5, 0],
    [-1, inf, 1],
    [0.5, inf, 0],
    [0.5, -inf, inf],
    [-2, 16777216, inf],
    [4, 0.5, 2],
  ];
  for (const [x, y, want] of rows)
    it(`${x} to the ${y} is ${want}`, () => expect(aluOps.power.evaluate(x, y)).toBe(want));
});

describe("power against double precision", () => {
  it("stays within 0.501 ulp wherever the result is normal", () => {
    const random = new Random(5);
    let worst = 0;
    for (let i = 0; i < 50_000; i++) {
      const x = Math.fround(2 ** (random.uniform() * 40 - 20));
      const y = Math.fround(random.normal() * 3);
      const want = x ** y;
      if (!(want > 2 ** -126 && want < 2 ** 127)) continue;
      const ulp = 2 ** (Math.floor(Math.log2(want)) - 23);
      worst = Math.max(worst, Math.abs(aluOps.power.evaluate(x, y) - want) / ulp);
    }
    expect(worst).toBeLessThan(0.501);
    expect(worst).toBeGreaterThan(0.49);
  });
});

describe("exact 32-bit integers", () => {
  it("wrap, and order by their sign", () => {
    expect(integerOps.add(0xffffffff, 2)).toBe(1);
    expect(integerOps.subtract(0, 1)).toBe(0xffffffff);
    expect(integerOps.multiply(0x10001, 0x10001)).toBe(0x20001);
    expect(integerOps.maximum(0xffffffff, 1, true)).toBe(1);
    expect(integerOps.maximum(0xffffffff, 1, false)).toBe(0xffffffff);
    expect(integerOps.less(0xffffffff, 1, true)).toBe(1);
  });
});
