import { expect, test } from "vitest";
import { selectReduce } from "./select-reduce.ts";
import { breaks, coreState, evaluate, psum, sbuf } from "./testing.ts";

const call = {
  dst: sbuf([2, 2]),
  predicate: sbuf([2, 2], "uint8", [1, 0, 0, 7]),
  on_true: sbuf([2, 2], "float32", [1, 2, 3, 4]),
  on_false: -1,
};

test("select_reduce takes on_true where the predicate is not 0", () => {
  expect(evaluate(selectReduce, call)["dst"]).toEqual([1, -1, -1, 4]);
  expect(evaluate(selectReduce, call, { reverse_pred: true })["dst"]).toEqual([-1, 2, 3, -1]);
  const columns = { ...call, on_false: sbuf([2, 1], "float32", [10, 20]) };
  expect(evaluate(selectReduce, columns)["dst"]).toEqual([1, 10, 20, 4]);
});

test("select_reduce keeps the row maximum", () => {
  const state = coreState();
  const run = (reduce_cmd: string) =>
    evaluate(selectReduce, { ...call, reduce_res: sbuf([2, 1]) }, { reduce_cmd }, { state })[
      "reduce_res"
    ];
  expect(run("reset_reduce")).toEqual([1, 4]);
  state.vectorAccumulator[0] = 9;
  expect(run("reduce")).toEqual([9, 4]);
  expect(run("reset")).toEqual([-Infinity, -Infinity]);
});

test("select_reduce C1: one size", () => {
  breaks(selectReduce, "C1", { ...call, predicate: sbuf([2, 1], "uint8") });
});

test("select_reduce C2: on_false and reduce_res are columns", () => {
  breaks(selectReduce, "C2", { ...call, on_false: sbuf([2, 2]) });
});

test("select_reduce C3: one input in PSUM at most", () => {
  breaks(selectReduce, "C3", { ...call, predicate: psum([2, 2], "uint8"), on_true: psum([2, 2]) });
});

test("select_reduce C4: reduce_res is floating point", () => {
  breaks(selectReduce, "C4", { ...call, reduce_res: sbuf([2, 1], "int32") });
});

test("select_reduce C5: reduce_op is maximum", () => {
  breaks(selectReduce, "C5", call, { reduce_op: "minimum" });
});

test("select_reduce C6: no load_reduce", () => {
  breaks(selectReduce, "C6", call, { reduce_cmd: "load_reduce" });
});

test("select_reduce G4: 32-bit integers and wide predicates are not taken", () => {
  breaks(selectReduce, "G4", { ...call, on_true: sbuf([2, 2], "int32") });
  breaks(selectReduce, "G4", { ...call, predicate: sbuf([2, 2], "uint32") });
});

test("select_reduce G4: packed types are not computed with", () => {
  const packed = { ...call, on_true: sbuf([2, 2], "float4_e2m1fn_x4") };
  breaks(selectReduce, "G4", packed, {}, { generation: 4 });
});
