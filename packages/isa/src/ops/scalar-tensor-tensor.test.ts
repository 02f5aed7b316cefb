import { expect, test } from "vitest";
import { scalarTensorTensor } from "./scalar-tensor-tensor.ts";
import { breaks, evaluate, psum, sbuf } from "./testing.ts";

const dst = sbuf([2, 2]);
const data = sbuf([2, 2], "float32", [1, 2, 3, 4]);
const operand1 = sbuf([2, 2], "bfloat16", [10, 20, 30, 40]);
const ops = { op0: "multiply", op1: "subtract" };

test("scalar_tensor_tensor applies a column or number, then a tile", () => {
  const column = { dst, data, operand0: sbuf([2, 1], "float32", [2, 3]), operand1 };
  expect(evaluate(scalarTensorTensor, column, ops)["dst"]).toEqual([-8, -16, -21, -28]);
  const number = { dst, data, operand0: 1, operand1 };
  const reversed = { op0: "subtract", op1: "subtract", reverse0: true, reverse1: true };
  expect(evaluate(scalarTensorTensor, number, reversed)["dst"]).toEqual([10, 21, 32, 43]);
});

test("scalar_tensor_tensor C1: one size", () => {
  breaks(scalarTensorTensor, "C1", { dst, data, operand0: 1, operand1: sbuf([2, 3]) }, ops);
});

test("scalar_tensor_tensor C2: operand0 is a column", () => {
  breaks(scalarTensorTensor, "C2", { dst, data, operand0: sbuf([2, 2]), operand1 }, ops);
});

test("scalar_tensor_tensor C3: one input in PSUM at most", () => {
  breaks(
    scalarTensorTensor,
    "C3",
    { dst, data: psum([2, 2]), operand0: 1, operand1: psum([2, 2]) },
    ops,
  );
});

test("scalar_tensor_tensor C4: arithmetic operations", () => {
  const i = sbuf([2, 2], "int32");
  breaks(
    scalarTensorTensor,
    "C4",
    { dst: i, data: i, operand0: 1, operand1: i },
    { op0: "add", op1: "bitwise_and" },
  );
});

test("scalar_tensor_tensor C5: operand0 fits op0", () => {
  breaks(scalarTensorTensor, "C5", { dst, data, operand1 }, ops);
  breaks(scalarTensorTensor, "C5", { dst, data, operand0: 3, operand1 }, { ...ops, op0: "abs" });
});

test("scalar_tensor_tensor C6: op1 takes two operands", () => {
  breaks(scalarTensorTensor, "C6", { dst, data, operand0: 1, operand1 }, { ...ops, op1: "abs" });
});

test("scalar_tensor_tensor C7: newer operations", () => {
  breaks(
    scalarTensorTensor,
    "C7",
    { dst, data, operand0: 1, operand1 },
    { ...ops, op0: "abs_min" },
  );
});
