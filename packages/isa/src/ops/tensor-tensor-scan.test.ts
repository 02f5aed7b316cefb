import { expect, test } from "vitest";
import { tensorTensorScan } from "./tensor-tensor-scan.ts";
import { breaks, evaluate, psum, sbuf } from "./testing.ts";

const call = {
  dst: sbuf([1, 3]),
  data0: sbuf([1, 3], "float32", [2, 3, 4]),
  data1: sbuf([1, 3], "float32", [1, 10, 100]),
  initial: 1,
};
const ops = { op0: "multiply", op1: "add" };

test("tensor_tensor_scan carries its result along each partition", () => {
  expect(evaluate(tensorTensorScan, call, ops)["dst"]).toEqual([3, 19, 176]);
  const column = { ...call, initial: sbuf([1, 1], "float32", [0]) };
  expect(evaluate(tensorTensorScan, column, ops)["dst"]).toEqual([1, 13, 152]);
});

test("tensor_tensor_scan reverses operands", () => {
  const attrs = { op0: "subtract", op1: "subtract", reverse0: true, reverse1: true };
  // data1 - (held - data0)
  expect(evaluate(tensorTensorScan, call, attrs)["dst"]).toEqual([2, 11, 93]);
});

test("tensor_tensor_scan keeps its state in fp32, whatever dst rounds to", () => {
  const narrow = {
    ...call,
    dst: sbuf([1, 3], "bfloat16"),
    data0: sbuf([1, 3], "float32", [1, 1, 1]),
    data1: sbuf([1, 3], "float32", [256, 1, 1]),
    initial: 0,
  };
  expect(evaluate(tensorTensorScan, narrow, ops)["dst"]).toEqual([256, 256, 258]);
});

test("tensor_tensor_scan C1: one size", () => {
  breaks(tensorTensorScan, "C1", { ...call, data1: sbuf([1, 4]) }, ops);
});

test("tensor_tensor_scan C2: initial is a column", () => {
  breaks(tensorTensorScan, "C2", { ...call, initial: sbuf([1, 3]) }, ops);
});

test("tensor_tensor_scan C3: one input in PSUM at most", () => {
  breaks(tensorTensorScan, "C3", { ...call, data0: psum([1, 3]), data1: psum([1, 3]) }, ops);
});

test("tensor_tensor_scan C4: arithmetic operations", () => {
  breaks(tensorTensorScan, "C4", call, { ...ops, op1: "bitwise_or" });
});

test("tensor_tensor_scan C5: two-operand operations", () => {
  breaks(tensorTensorScan, "C5", call, { ...ops, op0: "abs" });
});

test("tensor_tensor_scan C6: newer operations", () => {
  breaks(tensorTensorScan, "C6", call, { ...ops, op0: "abs_max" });
});
