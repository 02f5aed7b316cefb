import { expect, test } from "vitest";
import { tensorScalarCumulative } from "./tensor-scalar-cumulative.ts";
import { breaks, coreState, evaluate, sbuf } from "./testing.ts";

const call = { dst: sbuf([1, 3]), src: sbuf([1, 3], "float32", [1, 2, 3]), imm0: 10 };
const ops = { op0: "multiply", op1: "add" };

test("tensor_scalar_cumulative writes the running result", () => {
  expect(evaluate(tensorScalarCumulative, call, ops)["dst"]).toEqual([10, 30, 60]);
  // x - held, starting from 0
  expect(evaluate(tensorScalarCumulative, call, { ...ops, op1: "subtract" })["dst"]).toEqual([
    10, 10, 20,
  ]);
  expect(
    evaluate(tensorScalarCumulative, call, { op0: "subtract", op1: "maximum" })["dst"],
  ).toEqual([-9, -8, -7]);
});

test("tensor_scalar_cumulative continues the accumulators or starts from imm1", () => {
  const state = coreState();
  const load = { ...call, imm1: 1000 };
  expect(
    evaluate(tensorScalarCumulative, load, { ...ops, reduce_cmd: "load_reduce" }, { state })["dst"],
  ).toEqual([1010, 1030, 1060]);
  expect(
    evaluate(tensorScalarCumulative, call, { ...ops, reduce_cmd: "reduce" }, { state })["dst"],
  ).toEqual([1070, 1090, 1120]);
});

test("tensor_scalar_cumulative C1: one size", () => {
  breaks(tensorScalarCumulative, "C1", { ...call, dst: sbuf([1, 4]) }, ops);
});

test("tensor_scalar_cumulative C2: imm0 and imm1 are columns", () => {
  breaks(tensorScalarCumulative, "C2", { ...call, imm0: sbuf([1, 3]) }, ops);
});

test("tensor_scalar_cumulative C3: op0 is arithmetic", () => {
  breaks(tensorScalarCumulative, "C3", call, { ...ops, op0: "bitwise_xor" });
});

test("tensor_scalar_cumulative C4: op1 is one of five", () => {
  breaks(tensorScalarCumulative, "C4", call, { ...ops, op1: "logical_or" });
});

test("tensor_scalar_cumulative C5: imm0 and imm1 are float32", () => {
  breaks(tensorScalarCumulative, "C5", { ...call, imm0: sbuf([1, 1], "float16") }, ops);
});

test("tensor_scalar_cumulative C6: imm0 fits op0", () => {
  breaks(tensorScalarCumulative, "C6", { ...call, imm0: undefined }, ops);
});

test("tensor_scalar_cumulative C7: reduce_cmd is one of three", () => {
  breaks(tensorScalarCumulative, "C7", call, { ...ops, reduce_cmd: "reset" });
});

test("tensor_scalar_cumulative C8: imm1 goes with load_reduce", () => {
  breaks(tensorScalarCumulative, "C8", { ...call, imm1: 1 }, ops);
});

test("tensor_scalar_cumulative C9: newer operations", () => {
  breaks(tensorScalarCumulative, "C9", { ...call, imm0: 0 }, { ...ops, op0: "square" });
});

test("tensor_scalar_cumulative G4: no 32-bit integers", () => {
  breaks(tensorScalarCumulative, "G4", { ...call, src: sbuf([1, 3], "int32") }, ops);
});

test("tensor_scalar_cumulative C10: a scattered dst has its index beside the input", () => {
  const scattered = {
    dynamic: "indirect",
    index: sbuf([1, 1], "uint16", undefined, { start: 32 }),
  } as const;
  breaks(
    tensorScalarCumulative,
    "C10",
    { ...call, dst: sbuf([1, 3], "float32", undefined, scattered) },
    ops,
    { generation: 4 },
  );
});
