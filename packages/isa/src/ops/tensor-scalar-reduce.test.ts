import { expect, test } from "vitest";
import { tensorScalarReduce } from "./tensor-scalar-reduce.ts";
import { breaks, coreState, evaluate, sbuf } from "./testing.ts";

const call = {
  dst: sbuf([2, 2]),
  data: sbuf([2, 2], "float32", [1, 2, 3, 4]),
  operand0: 2,
  reduce_res: sbuf([2, 1]),
};
const ops = { op0: "multiply", reduce_op: "add" };

test("tensor_scalar_reduce reduces the rows it writes", () => {
  expect(evaluate(tensorScalarReduce, call, ops)).toEqual({
    dst: [2, 4, 6, 8],
    reduce_res: [6, 14],
  });
  const smallest = { ...ops, reduce_op: "minimum", reduce_res_negate: true };
  expect(evaluate(tensorScalarReduce, call, smallest)["reduce_res"]).toEqual([-2, -6]);
});

test("tensor_scalar_reduce continues, or starts from reduce_init; negation stays outside the accumulators", () => {
  const state = coreState();
  const load = { ...call, reduce_init: sbuf([2, 1], "float32", [100, 200]) };
  const first = { ...ops, reduce_cmd: "load_reduce", reduce_res_negate: true };
  expect(evaluate(tensorScalarReduce, load, first, { state })["reduce_res"]).toEqual([-106, -214]);
  const next = { ...ops, reduce_cmd: "reduce" };
  expect(evaluate(tensorScalarReduce, call, next, { state })["reduce_res"]).toEqual([112, 228]);
});

test("tensor_scalar_reduce C1: one size", () => {
  breaks(tensorScalarReduce, "C1", { ...call, dst: sbuf([2, 3]) }, ops);
});

test("tensor_scalar_reduce C2: columns", () => {
  breaks(tensorScalarReduce, "C2", { ...call, reduce_res: sbuf([2, 2]) }, ops);
});

test("tensor_scalar_reduce C3: op0 is arithmetic", () => {
  breaks(tensorScalarReduce, "C3", call, { ...ops, op0: "bitwise_and" });
});

test("tensor_scalar_reduce C4: operand tensors are float32", () => {
  breaks(tensorScalarReduce, "C4", { ...call, operand0: sbuf([2, 1], "bfloat16") }, ops);
});

test("tensor_scalar_reduce C5: operand0 fits op0", () => {
  breaks(tensorScalarReduce, "C5", { ...call, operand0: undefined }, ops);
});

test("tensor_scalar_reduce C6: reduce_op is one of four", () => {
  breaks(tensorScalarReduce, "C6", call, { ...ops, reduce_op: "subtract" });
});

test("tensor_scalar_reduce C7: no reverse0", () => {
  breaks(tensorScalarReduce, "C7", call, { ...ops, reverse0: true });
});

test("tensor_scalar_reduce C8: reduce_cmd is one of three", () => {
  breaks(tensorScalarReduce, "C8", call, { ...ops, reduce_cmd: "idle" });
});

test("tensor_scalar_reduce C9: reduce_init goes with load_reduce", () => {
  breaks(tensorScalarReduce, "C9", { ...call, reduce_init: 1 }, ops);
  breaks(tensorScalarReduce, "C9", call, { ...ops, reduce_cmd: "load_reduce" });
});

test("tensor_scalar_reduce C10: newer operations", () => {
  breaks(tensorScalarReduce, "C10", { ...call, operand0: 0 }, { ...ops, op0: "relu" });
});

test("tensor_scalar_reduce C11: a scattered dst has its index beside the input", () => {
  const scattered = {
    dynamic: "indirect",
    index: sbuf([2, 1], "uint16", undefined, { start: 32 }),
  } as const;
  breaks(
    tensorScalarReduce,
    "C11",
    { ...call, dst: sbuf([2, 2], "float32", undefined, scattered) },
    ops,
    { generation: 4 },
  );
});
