import { describe, expect, test } from "vitest";
import { compare } from "./compare.ts";
import { settleTolerance, toleranceFor } from "./tolerance.ts";

const exact = { rtol: 0, atol: 0 };

describe("compare", () => {
  test("equal values, NaN and infinities pass exactly", () => {
    const v = [1, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    expect(compare(v, v, [5], exact)).toMatchObject({ passed: true, maxAbsError: 0, wrong: 0 });
  });
  test("first and worst wrong element with their positions", () => {
    const expected = [1, 2, 3, 4, 5, 6];
    const got = [1, 2, 3.5, 4, 9, 6];
    const c = compare(got, expected, [2, 3], { rtol: 0.1, atol: 0 });
    expect(c).toMatchObject({
      passed: false,
      wrong: 2,
      maxAbsError: 4,
      maxRelError: 0.8,
      first: { index: [0, 2], got: 3.5, expected: 3 },
      worst: { index: [1, 1], got: 9, expected: 5 },
    });
  });
  test("NaN against a number, and an infinity of the other sign, are wrong whatever the tolerance", () => {
    const loose = { rtol: 1e9, atol: 1e9 };
    expect(compare([Number.NaN], [1], [1], loose).passed).toBe(false);
    expect(compare([1], [Number.NaN], [1], loose).passed).toBe(false);
    expect(compare([Number.NEGATIVE_INFINITY], [Number.POSITIVE_INFINITY], [1], loose).passed).toBe(
      false,
    );
    expect(compare([5], [Number.POSITIVE_INFINITY], [1], loose).passed).toBe(false);
  });
  test("the allowance is atol + rtol * |expected|, its edge included", () => {
    expect(compare([1.75], [1], [1], { rtol: 0.5, atol: 0.25 }).passed).toBe(true);
    expect(compare([1.76], [1], [1], { rtol: 0.5, atol: 0.25 }).passed).toBe(false);
  });
  test("relative errors near zero do not hide the rest", () => {
    const c = compare([1e-5, 1.001], [1e-9, 1], [2], { rtol: 1e-2, atol: 1e-3 });
    expect(c.maxRelError).toBeCloseTo(1e-3, 6);
  });
});

describe("default tolerances", () => {
  test("the narrowest type at the border decides; integers are exact", () => {
    expect(toleranceFor(["float32", "bfloat16"])).toBe(2e-2);
    expect(toleranceFor(["int32", "uint8"])).toBe(0);
    expect(settleTolerance(["bfloat16"], "int32", Float64Array.of(5), {})).toEqual(exact);
  });
  test("atol follows the size of the reference unless given", () => {
    const big = settleTolerance(["float32"], "float32", Float64Array.of(300, -400), {});
    expect(big.atol).toBeCloseTo(1e-4 * Math.sqrt(125000), 10);
    expect(settleTolerance(["float32"], "float32", Float64Array.of(1e9), { atol: 0 }).atol).toBe(0);
  });
});
