import { expect, test } from "vitest";
import { memset } from "./memset.ts";
import { breaks, build, evaluate, psum, sbuf } from "./testing.ts";

test("memset fills with the constant in dst's type", () => {
  expect(evaluate(memset, { dst: sbuf([1, 2], "bfloat16"), value: 1.01 })["dst"]).toEqual([
    1.0078125, 1.0078125,
  ]);
  expect(evaluate(memset, { dst: sbuf([1, 1], "int8"), value: -3 })["dst"]).toEqual([-3]);
  expect(evaluate(memset, { dst: sbuf([1, 1], "uint32"), value: 2 ** 32 - 1 })["dst"]).toEqual([
    2 ** 32 - 1,
  ]);
});

test("memset C1: an integer tile takes an integer", () => {
  breaks(memset, "C1", { dst: sbuf([1, 1], "int32"), value: 0.5 });
});

test("memset C2: packed types take only 0", () => {
  breaks(memset, "C2", { dst: sbuf([1, 1], "float8_e5m2_x4"), value: 1 }, {}, { generation: 4 });
  build(memset, { dst: sbuf([1, 1], "float8_e5m2_x4"), value: 0 }, {}, { generation: 4 });
});

test("memset C3: GpSimd does not reach PSUM", () => {
  breaks(memset, "C3", { dst: psum([1, 1]), value: 0 }, { engine: "gpsimd" });
});
