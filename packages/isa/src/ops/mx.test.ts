import { expect, test } from "vitest";
import { scaleFactor, scaleRow, unpacked } from "./mx.ts";
import { upTo } from "./testing.ts";

test("float4_e2m1fn has the sixteen values of the OCP format", () => {
  const values = upTo(16).map((b) => unpacked(b, "float4_e2m1fn_x4", 0));
  expect(values).toEqual([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0, -0.5, -1, -1.5, -2, -3, -4, -6]);
});

test("packed elements start at the low bits", () => {
  expect(upTo(4).map((j) => unpacked(0x7231, "float4_e2m1fn_x4", j))).toEqual([0.5, 1.5, 1, 6]);
  // 1, 2, -1 and 448 in float8_e4m3fn
  const raw = 0x7eb84038;
  expect(upTo(4).map((j) => unpacked(raw, "float8_e4m3fn_x4", j))).toEqual([1, 2, -1, 448]);
});

test("scales are powers of two", () => {
  expect([0, 127, 254].map(scaleFactor)).toEqual([2 ** -127, 1, 2 ** 127]);
  expect(scaleFactor(255)).toBeNaN();
});

test("the scales of each quadrant lie in its first four partitions", () => {
  expect([0, 7, 8, 31, 32, 40, 127].map(scaleRow)).toEqual([0, 0, 1, 3, 32, 33, 99]);
});
