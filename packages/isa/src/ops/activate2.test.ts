import { expect, test } from "vitest";
import { activate2 } from "./activate2.ts";
import { breaks, coreState, evaluate, sbuf } from "./testing.ts";

const v4 = { generation: 4 } as const;
const call = {
  dst: sbuf([2, 2]),
  data: sbuf([2, 2], "float32", [1, 2, -3, 4]),
  imm0: 2,
  imm1: sbuf([2, 1], "float32", [10, 20]),
};
const scaled = { op: "copy", op0: "multiply", op1: "subtract" };

test("activate2 applies its two operations, each reversible, then the function", () => {
  expect(evaluate(activate2, call, scaled, v4)["dst"]).toEqual([-8, -6, -26, -12]);
  expect(evaluate(activate2, call, { ...scaled, reverse1: true, op: "relu" }, v4)["dst"]).toEqual([
    8, 6, 26, 12,
  ]);
  const none = { op: "prelu", op0: "bypass", op1: "bypass" };
  expect(evaluate(activate2, { ...call, relu_param: 0.5 }, none, v4)["dst"]).toEqual([
    1, 2, -1.5, 4,
  ]);
});

test("activate2 reduces rows from the identity of its operation", () => {
  const none = { op: "copy", op0: "bypass", op1: "bypass", reduce_cmd: "reset_reduce" };
  const full = { ...call, reduce_res: sbuf([2, 1]) };
  const reduced = (reduce_op: string) =>
    evaluate(activate2, full, { ...none, reduce_op }, v4)["reduce_res"];
  expect(reduced("add")).toEqual([3, 1]);
  expect(reduced("maximum")).toEqual([2, 4]);
  expect(reduced("minimum")).toEqual([1, -3]);
  expect(reduced("abs_max")).toEqual([2, 4]);
  expect(reduced("abs_min")).toEqual([1, -3]);
});

test("activate2 shares ScalarE's accumulators", () => {
  const state = coreState();
  state.scalarAccumulator.set([100, 200]);
  const more = { op: "copy", op0: "bypass", op1: "bypass", reduce_cmd: "reduce", reduce_op: "add" };
  const out = evaluate(activate2, { ...call, reduce_res: sbuf([2, 1]) }, more, { ...v4, state });
  expect(out["reduce_res"]).toEqual([103, 201]);
});

test("activate2 C1: one size", () => {
  breaks(activate2, "C1", { ...call, dst: sbuf([2, 3]) }, scaled, v4);
});

test("activate2 C2: columns", () => {
  breaks(activate2, "C2", { ...call, imm0: sbuf([2, 2]) }, scaled, v4);
});

test("activate2 C3: six pairs of operations", () => {
  breaks(activate2, "C3", call, { ...scaled, op0: "add", op1: "multiply" }, v4);
});

test("activate2 C4: imm0 and imm1 of one type", () => {
  breaks(activate2, "C4", { ...call, imm0: sbuf([2, 1], "bfloat16") }, scaled, v4);
});

test("activate2 C5: reversing needs an operation", () => {
  breaks(activate2, "C5", call, { ...scaled, op1: "bypass", reverse1: true }, v4);
  breaks(activate2, "C5", call, { op: "copy", op0: "bypass", op1: "bypass", reverse0: true }, v4);
});

test("activate2 C6: reduce_op is one of five", () => {
  breaks(activate2, "C6", call, { ...scaled, reduce_op: "multiply" }, v4);
});

test("activate2 C7: no load_reduce", () => {
  breaks(activate2, "C7", call, { ...scaled, reduce_op: "add", reduce_cmd: "load_reduce" }, v4);
});

test("activate2 C8: reducing needs reduce_op", () => {
  breaks(activate2, "C8", call, { ...scaled, reduce_cmd: "reduce" }, v4);
});

test("activate2 C9: a scattered dst has its index beside the input", () => {
  const scattered = {
    dynamic: "indirect",
    index: sbuf([2, 1], "uint16", undefined, { start: 32 }),
  } as const;
  breaks(activate2, "C9", { ...call, dst: sbuf([2, 2], "float32", undefined, scattered) }, scaled, {
    generation: 4,
  });
});
