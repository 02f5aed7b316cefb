import { describe, expect, it } from "vitest";
import { matmul, reduce } from "./reduce.ts";
import { bnAggregate, bnStats } from "./statistics.ts";

describe("sequential reduction", () => {
  it("rounds to fp32 at every step, in order", () => {
    expect(reduce("add", [16777216, 1, 1])).toBe(16777216);
    expect(reduce("add", [1, 1, 16777216])).toBe(16777218);
  });
  it("starts at the identity, or where told", () => {
    expect(reduce("add", [])).toBe(0);
    expect(reduce("maximum", [])).toBe(Number.NEGATIVE_INFINITY);
    expect(reduce("subtract", [1, 2])).toBe(-3);
    expect(reduce("multiply", [2, 3], 10)).toBe(60);
    expect(reduce("bitwise_and", [0xf0, 0x3c], undefined, 8)).toBe(0x30);
  });
  it("refuses an operation that is no reduction", () => {
    expect(() => reduce("power", [1])).toThrow(/power is not a reduction operation/);
  });
});

describe("matmul", () => {
  it("is stationary transposed times moving", () => {
    const out = matmul(Float32Array.of(1, 2, 3, 4), Float32Array.of(5, 6, 7, 8), 2, 2, 2);
    expect([...out]).toEqual([1 * 5 + 3 * 7, 1 * 6 + 3 * 8, 2 * 5 + 4 * 7, 2 * 6 + 4 * 8]);
  });
  it("sums k in ascending order with a rounding per step", () => {
    const ones = Float32Array.of(1, 1, 1);
    expect(matmul(Float32Array.of(16777216, 1, 1), ones, 3, 1, 1)[0]).toBe(16777216);
    expect(matmul(Float32Array.of(1, 1, 16777216), ones, 3, 1, 1)[0]).toBe(16777218);
  });
});

describe("statistics", () => {
  it("bn_stats splits even from odd, bn_aggr joins them", () => {
    const x = [1, 10, 3, 20, 5];
    expect(bnStats(x)).toEqual([3, 3, 8, 2, 15, 50]);
    const mean = x.reduce((a, b) => a + b) / 5;
    const variance = x.reduce((a, b) => a + (b - mean) ** 2, 0) / 5;
    const [m, v] = bnAggregate(bnStats(x));
    expect(m).toBeCloseTo(mean, 5);
    expect(v).toBeCloseTo(variance, 4);
  });
  it("a missing half counts nothing", () => {
    expect(bnStats([7])).toEqual([1, 7, 0, 0, 0, 0]);
  });
});
