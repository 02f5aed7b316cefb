import { expect, test } from "vitest";
import { ncNGather } from "./nc-n-gather.ts";
import { breaks, evaluate, sbuf } from "./testing.ts";

const data = sbuf([2, 3], "bfloat16", [10, 20, 30, 40, 50, 60]);
const indices = sbuf([2, 4], "uint32", [2, 2, 0, 1, 0, 1, 2, 0]);
const dst = sbuf([2, 4], "bfloat16");

test("nc_n_gather picks elements inside each partition", () => {
  expect(evaluate(ncNGather, { dst, data, indices })["dst"]).toEqual([
    30, 30, 10, 20, 40, 50, 60, 40,
  ]);
});

test("nc_n_gather stops at an index out of bounds", () => {
  const far = sbuf([2, 4], "uint32", [0, 3, 0, 0, 0, 0, 0, 0]);
  expect(() => evaluate(ncNGather, { dst, data, indices: far })).toThrow(/indices\[0, 1\] is 3/);
});

test("nc_n_gather C1: dst is as large as indices", () => {
  breaks(ncNGather, "C1", { dst: sbuf([2, 3], "bfloat16"), data, indices });
});

test("nc_n_gather C2: the same partitions", () => {
  breaks(ncNGather, "C2", { dst, data: sbuf([3, 3], "bfloat16"), indices });
});

test("nc_n_gather C3: one data type", () => {
  breaks(ncNGather, "C3", { dst: sbuf([2, 4]), data, indices });
});
