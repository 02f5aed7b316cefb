import { expect, test } from "vitest";
import { tensorScalar } from "./tensor-scalar.ts";
import { breaks, build, evaluate, psum, sbuf } from "./testing.ts";

const dst = sbuf([2, 2]);
const data = sbuf([2, 2], "float32", [1, 2, 3, 4]);
const ints = (values: number[], dtype: "uint8" | "int32" = "uint8") =>
  sbuf([1, values.length], dtype, values);

test("tensor_scalar applies one or two operations, each reversible", () => {
  const two = { op0: "multiply", op1: "add" };
  expect(evaluate(tensorScalar, { dst, data, operand0: 10, operand1: 0.5 }, two)["dst"]).toEqual([
    10.5, 20.5, 30.5, 40.5,
  ]);
  const operand0 = sbuf([2, 1], "float32", [10, 20]);
  expect(evaluate(tensorScalar, { dst, data, operand0 }, { op0: "subtract" })["dst"]).toEqual([
    -9, -8, -17, -16,
  ]);
  expect(
    evaluate(tensorScalar, { dst, data, operand0 }, { op0: "subtract", reverse0: true })["dst"],
  ).toEqual([9, 8, 17, 16]);
  const back = { op0: "abs", op1: "subtract", reverse1: true };
  expect(evaluate(tensorScalar, { dst, data, operand1: 1 }, back)["dst"]).toEqual([0, -1, -2, -3]);
});

test("tensor_scalar rounds to fp32 after each operation", () => {
  const call = {
    dst: sbuf([1, 1]),
    data: sbuf([1, 1], "float32", [2 ** 24]),
    operand0: 1,
    operand1: -(2 ** 24),
  };
  expect(evaluate(tensorScalar, call, { op0: "add", op1: "add" })["dst"]).toEqual([0]);
});

test("tensor_scalar sees bits under bitwise operations", () => {
  const call = { dst: ints([0, 0]), data: ints([0b1100, 255]), operand0: 0b1010, operand1: 1 };
  expect(evaluate(tensorScalar, call, { op0: "bitwise_and", op1: "left_shift" })["dst"]).toEqual([
    16, 20,
  ]);
  const wide = { dst: ints([0], "int32"), data: ints([2 ** 30 + 1], "int32"), operand0: -1 };
  expect(evaluate(tensorScalar, wide, { op0: "bitwise_xor" })["dst"]).toEqual([-(2 ** 30) - 2]);
  expect(
    evaluate(tensorScalar, { dst: ints([0]), data: ints([1]) }, { op0: "invert" })["dst"],
  ).toEqual([254]);
});

test("tensor_scalar sends rsqrt and power to GpSimd, the rest to VectorE", () => {
  expect(build(tensorScalar, { dst, data }, { op0: "rsqrt" }).engine).toBe("gpsimd");
  expect(build(tensorScalar, { dst, data, operand0: 2 }, { op0: "add" }).engine).toBe("vector");
});

test("tensor_scalar with a column takes the measured 396 ns for fp32 [128, 512] on trn2", () => {
  const call = { dst: sbuf([128, 512]), data: sbuf([128, 512]), operand0: sbuf([128, 1]) };
  const { op, call: made } = build(tensorScalar, call, { op0: "multiply" });
  const cycles = op.cost.kind === "engine" ? op.cost.cycles(made as never).interval : 0;
  expect(cycles / 0.96).toBeCloseTo(396, -1);
});

test("tensor_scalar C1: one size", () => {
  breaks(tensorScalar, "C1", { dst: sbuf([2, 3]), data, operand0: 1 }, { op0: "add" });
});

test("tensor_scalar C2: operands are columns", () => {
  breaks(tensorScalar, "C2", { dst, data, operand0: sbuf([2, 2]) }, { op0: "add" });
});

test("tensor_scalar C3: both operations bitwise or both arithmetic", () => {
  const call = { dst: ints([0]), data: ints([1]), operand0: 1, operand1: 1 };
  breaks(tensorScalar, "C3", call, { op0: "bitwise_or", op1: "add" });
});

test("tensor_scalar C4: bitwise operations take integer tiles", () => {
  breaks(tensorScalar, "C4", { dst, data, operand0: 1 }, { op0: "bitwise_or" });
  breaks(
    tensorScalar,
    "C4",
    { dst: ints([0]), data: ints([0]), operand0: sbuf([1, 1]) },
    { op0: "bitwise_or" },
  );
});

test("tensor_scalar C5: operand tensors of arithmetic are float32", () => {
  breaks(tensorScalar, "C5", { dst, data, operand0: sbuf([2, 1], "bfloat16") }, { op0: "add" });
});

test("tensor_scalar C6: operand0 fits op0", () => {
  breaks(tensorScalar, "C6", { dst, data }, { op0: "add" });
  breaks(tensorScalar, "C6", { dst, data, operand0: 2 }, { op0: "abs" });
  build(tensorScalar, { dst, data, operand0: 0 }, { op0: "abs" });
});

test("tensor_scalar C7: operand1 fits op1", () => {
  breaks(tensorScalar, "C7", { dst, data, operand0: 1 }, { op0: "add", op1: "add" });
  breaks(tensorScalar, "C7", { dst, data, operand0: 1, operand1: 1 }, { op0: "add" });
});

test("tensor_scalar C8: square, relu and the magnitudes need NeuronCore-v4", () => {
  breaks(tensorScalar, "C8", { dst, data }, { op0: "square" });
  breaks(tensorScalar, "C8", { dst, data, operand0: 1 }, { op0: "abs_max" });
  build(tensorScalar, { dst, data }, { op0: "square" }, { generation: 4 });
});

test("tensor_scalar C9: bitwise operations run on VectorE", () => {
  const call = { dst: ints([0]), data: ints([1]), operand0: 1 };
  breaks(tensorScalar, "C9", call, { op0: "bitwise_or", engine: "scalar" }, { generation: 4 });
});

test("tensor_scalar C10: GpSimd runs rsqrt and power, and only it does", () => {
  breaks(tensorScalar, "C10", { dst, data, operand0: 1 }, { op0: "add", engine: "gpsimd" });
  breaks(tensorScalar, "C10", { dst, data, operand0: 2 }, { op0: "power", engine: "vector" });
});

test("tensor_scalar C11: ScalarE of NeuronCore-v3 does multiply and add", () => {
  const engine = "scalar";
  breaks(tensorScalar, "C11", { dst, data, operand0: 1 }, { op0: "subtract", engine });
  breaks(
    tensorScalar,
    "C11",
    { dst, data, operand0: 1, operand1: 1 },
    { op0: "add", op1: "multiply", engine },
  );
  build(
    tensorScalar,
    { dst, data, operand0: 1, operand1: 1 },
    { op0: "multiply", op1: "add", engine },
  );
  build(tensorScalar, { dst, data, operand0: 1 }, { op0: "subtract", engine }, { generation: 4 });
});

test("tensor_scalar C12: GpSimd does not reach PSUM", () => {
  breaks(tensorScalar, "C12", { dst, data: psum([2, 2]) }, { op0: "rsqrt" });
});

test("tensor_scalar G9: ScalarE of NeuronCore-v2 cannot run it", () => {
  breaks(
    tensorScalar,
    "G9",
    { dst, data, operand0: 1 },
    { op0: "add", engine: "scalar" },
    { generation: 2 },
  );
});

test("tensor_scalar C13: a scattered dst has its index beside the input", () => {
  const scattered = {
    dynamic: "indirect",
    index: sbuf([2, 1], "uint16", undefined, { start: 32 }),
  } as const;
  breaks(
    tensorScalar,
    "C13",
    { dst: sbuf([2, 2], "float32", undefined, scattered), data: sbuf([2, 2]), operand0: 1 },
    { op0: "add" },
    { generation: 4 },
  );
});
