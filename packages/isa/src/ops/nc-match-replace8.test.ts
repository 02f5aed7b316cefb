import { expect, test } from "vitest";
import { ncMatchReplace8 } from "./nc-match-replace8.ts";
import { breaks, evaluate, sbuf } from "./testing.ts";

const data = sbuf([1, 11], "float32", [1, 2, 3, 4, 8, 8, 8, 8, 8, 8, 8]);
const vals = sbuf([1, 8], "float32", [3, 8, 8, 8, 8, 8, 8, 8]);
const call = { dst: sbuf([1, 11]), data, vals, imm: -1 };

test("nc_match_replace8 replaces first occurrences; equal values fill positions from the last slot on", () => {
  // The example of the API reference.
  const out = evaluate(ncMatchReplace8, { ...call, dst_idx: sbuf([1, 8], "uint32") });
  expect(out["dst"]).toEqual([1, 2, -1, 4, -1, -1, -1, -1, -1, -1, -1]);
  expect(out["dst_idx"]).toEqual([2, 10, 9, 8, 7, 6, 5, 4]);
});

test("nc_match_replace8 leaves a row without matches and marks missing values", () => {
  const none = { ...call, vals: sbuf([1, 8], "float32", [9, 9, 9, 9, 9, 9, 9, 1]) };
  const out = evaluate(ncMatchReplace8, { ...none, dst_idx: sbuf([1, 8], "uint16") });
  expect(out["dst"]?.slice(0, 2)).toEqual([-1, 2]);
  expect(out["dst_idx"]).toEqual([65535, 65535, 65535, 65535, 65535, 65535, 65535, 0]);
});

test("nc_match_replace8 C1: one size", () => {
  breaks(ncMatchReplace8, "C1", { ...call, dst: sbuf([1, 8]) });
});

test("nc_match_replace8 C2: at most 16384 elements", () => {
  const wide = { ...call, dst: sbuf([1, 16385], "int8"), data: sbuf([1, 16385], "int8") };
  breaks(ncMatchReplace8, "C2", wide);
});

test("nc_match_replace8 C3: 8 values and 8 positions", () => {
  breaks(ncMatchReplace8, "C3", { ...call, vals: sbuf([1, 7]) });
  breaks(ncMatchReplace8, "C3", { ...call, dst_idx: sbuf([1, 7], "uint32") });
});
