import { activate } from "@opentrn/numerics";
import { expect, test } from "vitest";
import { exponential } from "./exponential.ts";
import { breaks, coreState, evaluate, sbuf } from "./testing.ts";

const v4 = { generation: 4 } as const;
const call = { dst: sbuf([2, 2]), src: sbuf([2, 2], "float32", [1, 0, 3, 5]) };
const e = activate("exp", 1);

test("exponential subtracts, exponentiates and sums", () => {
  const max_value = sbuf([2, 1], "float32", [1, 3]);
  const full = { ...call, max_value, reduce_res: sbuf([2, 1]) };
  const out = evaluate(exponential, full, { reduce_cmd: "reset_reduce" }, v4);
  const values = [1, activate("exp", -1), 1, activate("exp", 2)];
  expect(out["dst"]).toEqual(values);
  expect(out["reduce_res"]).toEqual([Math.fround(1 + values[1]!), Math.fround(1 + values[3]!)]);
});

test("exponential continues sums or starts from reduce_init", () => {
  const state = coreState();
  const one = { dst: sbuf([1, 1]), src: sbuf([1, 1], "int32", [1]), reduce_res: sbuf([1, 1]) };
  const run = (reduce_cmd: string, more = {}) =>
    evaluate(exponential, { ...one, ...more }, { reduce_cmd }, { ...v4, state })["reduce_res"];
  expect(run("load_reduce", { reduce_init: 4 })).toEqual([Math.fround(4 + e)]);
  expect(run("reduce")).toEqual([Math.fround(Math.fround(4 + e) + e)]);
});

test("exponential C1: one size", () => {
  breaks(exponential, "C1", { ...call, dst: sbuf([2, 3]) }, {}, v4);
});

test("exponential C2: columns", () => {
  breaks(exponential, "C2", { ...call, max_value: sbuf([2, 2]) }, {}, v4);
});

test("exponential C3: max_value is float32", () => {
  breaks(exponential, "C3", { ...call, max_value: sbuf([2, 1], "bfloat16") }, {}, v4);
});

test("exponential C4: reduce_res is floating point", () => {
  breaks(exponential, "C4", { ...call, reduce_res: sbuf([2, 1], "int32") }, {}, v4);
});

test("exponential C5: no plain reset", () => {
  breaks(exponential, "C5", call, { reduce_cmd: "reset" }, v4);
});

test("exponential C6: reduce_init goes with load_reduce", () => {
  breaks(exponential, "C6", { ...call, reduce_init: 1 }, { reduce_cmd: "reduce" }, v4);
});

test("exponential C7: at most four dimensions", () => {
  breaks(exponential, "C7", { ...call, src: sbuf([2, 1, 1, 1, 2]) }, {}, v4);
});

test("exponential G7: needs NeuronCore-v4", () => {
  breaks(exponential, "G7", call);
});

test("exponential C8: a scattered dst has its index beside the input", () => {
  const scattered = {
    dynamic: "indirect",
    index: sbuf([2, 1], "uint16", undefined, { start: 32 }),
  } as const;
  breaks(
    exponential,
    "C8",
    { ...call, dst: sbuf([2, 2], "float32", undefined, scattered) },
    {},
    { generation: 4 },
  );
});
