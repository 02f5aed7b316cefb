import { expect, test } from "vitest";
import { tensorTensor } from "./tensor-tensor.ts";
import { breaks, build, evaluate, psum, sbuf } from "./testing.ts";

const dst = sbuf([1, 3]);
const data1 = sbuf([1, 3], "float32", [1, 2, 3]);
const data2 = sbuf([1, 3], "float32", [10, 2, -1]);
const ints = (values: number[]) => sbuf([1, values.length], "int32", values);

test("tensor_tensor works element by element", () => {
  expect(evaluate(tensorTensor, { dst, data1, data2 }, { op: "subtract" })["dst"]).toEqual([
    -9, 0, 4,
  ]);
  expect(evaluate(tensorTensor, { dst, data1, data2 }, { op: "greater_equal" })["dst"]).toEqual([
    0, 1, 1,
  ]);
});

test("tensor_tensor on 32-bit integers is exact on GpSimd and rounds to fp32 on VectorE", () => {
  const call = { dst: ints([0]), data1: ints([2 ** 24]), data2: ints([1]) };
  expect(build(tensorTensor, call, { op: "add" }).engine).toBe("gpsimd");
  expect(evaluate(tensorTensor, call, { op: "add" })["dst"]).toEqual([2 ** 24 + 1]);
  expect(evaluate(tensorTensor, call, { op: "add", engine: "vector" })["dst"]).toEqual([2 ** 24]);
});

test("tensor_tensor falls back to VectorE for integers in PSUM", () => {
  const call = { dst: ints([0]), data1: psum([1, 1], "int32"), data2: ints([1]) };
  expect(build(tensorTensor, call, { op: "add" }).engine).toBe("vector");
});

test("tensor_tensor C1: one size", () => {
  breaks(tensorTensor, "C1", { dst, data1, data2: sbuf([1, 4]) }, { op: "add" });
});

test("tensor_tensor C2: one input in PSUM at most", () => {
  breaks(tensorTensor, "C2", { dst, data1: psum([1, 3]), data2: psum([1, 3]) }, { op: "add" });
});

test("tensor_tensor C3: bitwise operations take integer tiles", () => {
  breaks(tensorTensor, "C3", { dst, data1, data2 }, { op: "bitwise_and" });
});

test("tensor_tensor C4: GpSimd does not reach PSUM", () => {
  breaks(tensorTensor, "C4", { dst, data1: psum([1, 3]), data2 }, { op: "power" });
});

test("tensor_tensor C5: op takes two operands", () => {
  breaks(tensorTensor, "C5", { dst, data1, data2 }, { op: "abs" });
});

test("tensor_tensor C6: the magnitudes need NeuronCore-v4", () => {
  breaks(tensorTensor, "C6", { dst, data1, data2 }, { op: "abs_max" });
});

test("tensor_tensor C7: power runs on GpSimd", () => {
  breaks(tensorTensor, "C7", { dst, data1, data2 }, { op: "power", engine: "vector" });
});

test("tensor_tensor C8: a scattered dst has its index beside the input", () => {
  const scattered = {
    dynamic: "indirect",
    index: sbuf([2, 1], "uint16", undefined, { start: 32 }),
  } as const;
  breaks(
    tensorTensor,
    "C8",
    {
      dst: sbuf([2, 2], "float32", undefined, scattered),
      data1: sbuf([2, 2]),
      data2: sbuf([2, 2]),
    },
    { op: "add" },
    { generation: 4 },
  );
});
