import { expect, test } from "vitest";
import { activation } from "./activation.ts";
import { breaks, build, coreState, evaluate, psum, sbuf } from "./testing.ts";

const dst = sbuf([2, 2]);
const data = sbuf([2, 2], "float32", [1, 2, 3, 4]);
const column = (values: number[], dtype: "float32" | "bfloat16" = "float32") =>
  sbuf([2, 1], dtype, values);

test("activation computes op(data * scale + bias)", () => {
  const call = { dst, data, scale: column([2, 10]), bias: column([1, -1], "bfloat16") };
  expect(evaluate(activation, call, { op: "square" })["dst"]).toEqual([9, 25, 841, 1521]);
  expect(evaluate(activation, { dst, data, scale: -1 }, { op: "relu" })["dst"]).toEqual([
    0, 0, 0, 0,
  ]);
});

test("activation accumulates rows over instructions as reduce_cmd says", () => {
  const state = coreState();
  const reduce_res = sbuf([2, 1]);
  const run = (reduce_cmd: string) =>
    evaluate(
      activation,
      { dst, data, reduce_res },
      { op: "copy", reduce_op: "add", reduce_cmd },
      { state },
    )["reduce_res"];
  expect(run("reset_reduce")).toEqual([3, 7]);
  expect(run("reduce")).toEqual([6, 14]);
  expect(run("idle")).toEqual([6, 14]);
  expect(run("reset")).toEqual([0, 0]);
});

test("activation accumulates in the lanes of the input's partitions", () => {
  const state = coreState();
  const low = {
    dst: sbuf([2, 2], "float32", undefined, { start: 32 }),
    data: { ...data, start: 32 },
  };
  evaluate(activation, low, { op: "copy", reduce_cmd: "reset_reduce" }, { state });
  expect([...state.scalarAccumulator.subarray(0, 2)]).toEqual([0, 0]);
  expect([...state.scalarAccumulator.subarray(32, 34)]).toEqual([3, 7]);
});

test("activation C1: one size", () => {
  breaks(activation, "C1", { dst: sbuf([2, 3]), data }, { op: "exp" });
});

test("activation C2: bias, scale and reduce_res are columns", () => {
  breaks(activation, "C2", { dst, data, bias: sbuf([2, 2]) }, { op: "exp" });
  breaks(activation, "C2", { dst, data, scale: sbuf([1, 1]) }, { op: "exp" });
  breaks(activation, "C2", { dst, data, reduce_res: psum([2, 2]) }, { op: "exp" });
});

test("activation C3: a scale tensor is float32", () => {
  breaks(activation, "C3", { dst, data, scale: column([1, 1], "bfloat16") }, { op: "exp" });
});

test("activation C4: reduce_op is add", () => {
  breaks(activation, "C4", { dst, data }, { op: "exp", reduce_op: "maximum" });
});

test("activation C5: a bias number needs NeuronCore-v3", () => {
  breaks(activation, "C5", { dst, data, bias: 1 }, { op: "exp" }, { generation: 2 });
  build(activation, { dst, data, bias: 1 }, { op: "exp" });
});

test("activation C6: a bias tensor is not tfloat32", () => {
  breaks(activation, "C6", { dst, data, bias: sbuf([2, 1], "tfloat32") }, { op: "exp" });
});

test("activation C7: load_reduce belongs to VectorE", () => {
  breaks(activation, "C7", { dst, data }, { op: "exp", reduce_cmd: "load_reduce" });
});

test("activation G12: tensor indirection needs NeuronCore-v4 and an operand that takes it", () => {
  const indirect = sbuf([2, 2], "float32", undefined, {
    dynamic: "indirect",
    index: sbuf([2, 1], "uint16"),
  });
  breaks(activation, "G12", { dst, data: indirect }, { op: "exp" });
  build(activation, { dst, data: indirect }, { op: "exp" }, { generation: 4 });
  breaks(
    activation,
    "G12",
    { dst, data: indirect, scale: { ...indirect, shape: [2, 1] } },
    { op: "exp" },
    { generation: 4 },
  );
});

test("activation C8: a scattered dst has its index beside the input", () => {
  const scattered = {
    dynamic: "indirect",
    index: sbuf([2, 1], "uint16", undefined, { start: 32 }),
  } as const;
  breaks(
    activation,
    "C8",
    { dst: sbuf([2, 2], "float32", undefined, scattered), data: sbuf([2, 2]) },
    { op: "exp" },
    { generation: 4 },
  );
});

test("activation C8: ScalarE scatters into SBUF only", () => {
  const dst = psum([2, 2], "float32", undefined, {
    dynamic: "indirect",
    index: sbuf([2, 1], "uint16"),
  });
  breaks(activation, "C8", { dst, data }, { op: "exp" }, { generation: 4 });
});
