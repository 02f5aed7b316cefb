import { expect, test } from "vitest";
import { activationReduce } from "./activation-reduce.ts";
import { breaks, coreState, evaluate, sbuf } from "./testing.ts";

const dst = sbuf([2, 2]);
const data = sbuf([2, 2], "float32", [1, 2, 3, 4]);
const reduce_res = sbuf([2, 1]);
const exp = { op: "exp", reduce_op: "add" };

test("activation_reduce sums each row of the fp32 results, whatever dst rounds to", () => {
  const state = coreState();
  state.scalarAccumulator.fill(100);
  const call = { dst: sbuf([2, 2], "int8"), data, reduce_res, scale: 0.75 };
  const out = evaluate(activationReduce, call, { op: "copy", reduce_op: "add" }, { state });
  expect(out).toEqual({ dst: [1, 2, 2, 3], reduce_res: [2.25, 5.25] });
  expect(state.scalarAccumulator[1]).toBe(5.25);
});

test("activation_reduce keeps the sums in the accumulators without reduce_res", () => {
  const state = coreState();
  evaluate(activationReduce, { dst, data }, { op: "copy", reduce_op: "add" }, { state });
  expect([...state.scalarAccumulator.subarray(0, 2)]).toEqual([3, 7]);
});

test("activation_reduce C1: one size", () => {
  breaks(activationReduce, "C1", { dst: sbuf([2, 3]), data, reduce_res }, exp);
});

test("activation_reduce C2: bias, scale and reduce_res are columns", () => {
  breaks(activationReduce, "C2", { dst, data, reduce_res: sbuf([2, 2]) }, exp);
});

test("activation_reduce C3: a scale tensor is float32", () => {
  breaks(activationReduce, "C3", { dst, data, reduce_res, scale: sbuf([2, 1], "float16") }, exp);
});

test("activation_reduce C4: reduce_op is add", () => {
  breaks(activationReduce, "C4", { dst, data, reduce_res }, { ...exp, reduce_op: "multiply" });
});

test("activation_reduce C5: a bias number needs NeuronCore-v3", () => {
  breaks(activationReduce, "C5", { dst, data, reduce_res, bias: 2 }, exp, { generation: 2 });
});

test("activation_reduce C6: a bias tensor is not tfloat32", () => {
  breaks(activationReduce, "C6", { dst, data, reduce_res, bias: sbuf([2, 1], "tfloat32") }, exp);
});

test("activation_reduce C7: a scattered dst has its index beside the input", () => {
  const scattered = {
    dynamic: "indirect",
    index: sbuf([2, 1], "uint16", undefined, { start: 32 }),
  } as const;
  breaks(
    activationReduce,
    "C7",
    { dst: sbuf([2, 2], "float32", undefined, scattered), data: sbuf([2, 2]), reduce_res },
    { op: "exp", reduce_op: "add" },
    { generation: 4 },
  );
});
