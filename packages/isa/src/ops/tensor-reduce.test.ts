import { expect, test } from "vitest";
import { tensorReduce } from "./tensor-reduce.ts";
import { breaks, build, evaluate, sbuf, upTo } from "./testing.ts";

const data = sbuf([2, 2, 3], "float32", upTo(12));

test("tensor_reduce reduces the last dimensions", () => {
  expect(
    evaluate(tensorReduce, { dst: sbuf([2, 2]), data }, { op: "add", axis: [2] })["dst"],
  ).toEqual([3, 12, 21, 30]);
  expect(
    evaluate(
      tensorReduce,
      { dst: sbuf([2, 1]), data },
      { op: "maximum", axis: [1, 2], negate: true },
    )["dst"],
  ).toEqual([-5, -11]);
  expect(
    evaluate(
      tensorReduce,
      { dst: sbuf([2, 2, 1]), data },
      { op: "multiply", axis: [-1], keepdims: true },
    )["dst"],
  ).toEqual([0, 60, 336, 990]);
});

test("tensor_reduce adds in ascending order, one fp32 rounding a step", () => {
  const one = sbuf([1, 4], "float32", [2 ** 24, 1, 1, -(2 ** 24)]);
  expect(
    evaluate(tensorReduce, { dst: sbuf([1, 1]), data: one }, { op: "add", axis: [1] })["dst"],
  ).toEqual([0]);
});

test("tensor_reduce keeps bits under bitwise operations", () => {
  const bits = sbuf([1, 2], "int16", [-1, 0x0ff0]);
  const dst = sbuf([1, 1], "int16");
  expect(
    evaluate(tensorReduce, { dst, data: bits }, { op: "bitwise_xor", axis: [1] })["dst"],
  ).toEqual([-1 ^ 0x0ff0]);
  expect(
    evaluate(tensorReduce, { dst, data: bits }, { op: "bitwise_and", axis: [1] })["dst"],
  ).toEqual([0x0ff0]);
});

test("tensor_reduce takes the measured time for fp32 [128, 512] on trn2", () => {
  const { op, call } = build(
    tensorReduce,
    { dst: sbuf([128, 1]), data: sbuf([128, 512]) },
    { op: "add", axis: [1] },
  );
  expect(op.cost.kind === "engine" && op.cost.cycles(call as never).interval / 0.96).toBeCloseTo(
    598,
    -1.5,
  );
});

test("tensor_reduce C1: axis names the last free dimensions", () => {
  breaks(tensorReduce, "C1", { dst: sbuf([2, 3]), data }, { op: "add", axis: [1] });
  breaks(tensorReduce, "C1", { dst: sbuf([2, 6]), data }, { op: "add", axis: [] });
  breaks(tensorReduce, "C1", { dst: sbuf([2, 1]), data }, { op: "add", axis: [2, 1] });
});

test("tensor_reduce C2: dst has what the reduction leaves", () => {
  breaks(tensorReduce, "C2", { dst: sbuf([2, 3]), data }, { op: "add", axis: [2] });
});

test("tensor_reduce C3: a reduction operation", () => {
  breaks(tensorReduce, "C3", { dst: sbuf([2, 2]), data }, { op: "greater", axis: [2] });
});

test("tensor_reduce C4: bitwise operations take integer tiles", () => {
  breaks(tensorReduce, "C4", { dst: sbuf([2, 2]), data }, { op: "bitwise_or", axis: [2] });
});

test("tensor_reduce C5: only arithmetic is negated", () => {
  const call = { dst: sbuf([2, 1], "int8"), data: sbuf([2, 2], "int8") };
  breaks(tensorReduce, "C5", call, { op: "bitwise_or", axis: [1], negate: true });
});

test("tensor_reduce C6: a scattered dst has its index beside the input", () => {
  const scattered = {
    dynamic: "indirect",
    index: sbuf([2, 1], "uint16", undefined, { start: 32 }),
  } as const;
  breaks(
    tensorReduce,
    "C6",
    { dst: sbuf([2, 1], "float32", undefined, scattered), data: sbuf([2, 2]) },
    { op: "add", axis: [1] },
    { generation: 4 },
  );
});
