import { expect, test } from "vitest";
import { rangeSelect } from "./range-select.ts";
import { breaks, coreState, evaluate, sbuf, upTo } from "./testing.ts";

const lowest = -3.4028234663852886e38;
const column = (...values: number[]) => sbuf([values.length, 1], "float32", values);
const call = {
  dst: sbuf([2, 4]),
  on_true_tile: sbuf([2, 4], "float32", upTo(8)),
  bound0: column(1, 0),
  bound1: column(3, 10),
};
const between = { comp_op0: "greater_equal", comp_op1: "less" };

test("range_select keeps elements whose index lies between the bounds, and the row maximum", () => {
  const out = evaluate(rangeSelect, { ...call, reduce_res: sbuf([2, 1]) }, between);
  expect(out).toEqual({ dst: [lowest, 1, 2, lowest, 4, 5, 6, 7], reduce_res: [2, 7] });
});

test("range_select starts counting at range_start", () => {
  const out = evaluate(rangeSelect, call, { ...between, range_start: 2 });
  expect(out["dst"]).toEqual([0, lowest, lowest, lowest, 4, 5, 6, 7]);
});

test("range_select fills narrow types with -infinity but keeps the fp32 maximum", () => {
  const none = {
    ...call,
    dst: sbuf([2, 4], "bfloat16"),
    bound1: column(0, 0),
    reduce_res: sbuf([2, 1]),
  };
  const out = evaluate(rangeSelect, none, between);
  expect(out["dst"]?.every((v) => v === -Infinity)).toBe(true);
  expect(out["reduce_res"]).toEqual([lowest, lowest]);
});

test("range_select continues the accumulators with reduce", () => {
  const state = coreState();
  state.vectorAccumulator.set([100, -100]);
  const out = evaluate(
    rangeSelect,
    { ...call, reduce_res: sbuf([2, 1]) },
    { ...between, reduce_cmd: "reduce" },
    { state },
  );
  expect(out["reduce_res"]).toEqual([100, 7]);
});

test("range_select C1: one size", () => {
  breaks(rangeSelect, "C1", { ...call, dst: sbuf([2, 3]) }, between);
});

test("range_select C2: bounds and reduce_res are columns", () => {
  breaks(rangeSelect, "C2", { ...call, bound1: column(1) }, between);
});

test("range_select C3: on_true_tile is floating point", () => {
  breaks(rangeSelect, "C3", { ...call, on_true_tile: sbuf([2, 4], "int32") }, between);
});

test("range_select C4: bounds are float32", () => {
  breaks(rangeSelect, "C4", { ...call, bound0: sbuf([2, 1], "int32") }, between);
});

test("range_select C5: comp_op0 orders", () => {
  breaks(rangeSelect, "C5", call, { ...between, comp_op0: "not_equal" });
});

test("range_select C6: comp_op1 orders", () => {
  breaks(rangeSelect, "C6", call, { ...between, comp_op1: "add" });
});

test("range_select C7: reduce_op is maximum", () => {
  breaks(rangeSelect, "C7", call, { ...between, reduce_op: "add" });
});

test("range_select C8: no load_reduce", () => {
  breaks(rangeSelect, "C8", call, { ...between, reduce_cmd: "load_reduce" });
});

test("range_select C9: indices stay within 2^24", () => {
  breaks(rangeSelect, "C9", call, { ...between, range_start: 2 ** 24 - 3 });
});

test("range_select C10: the fill is the lowest float32", () => {
  breaks(rangeSelect, "C10", { ...call, on_false_value: 0 }, between);
});

test("range_select G7: needs NeuronCore-v3", () => {
  breaks(rangeSelect, "G7", call, between, { generation: 2 });
});
