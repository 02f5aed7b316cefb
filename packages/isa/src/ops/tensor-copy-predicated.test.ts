import { expect, test } from "vitest";
import { tensorCopyPredicated } from "./tensor-copy-predicated.ts";
import { breaks, evaluate, psum, sbuf } from "./testing.ts";

const call = {
  dst: sbuf([2, 2], "int32", [10, 20, 30, 40]),
  src: sbuf([2, 2], "int32", [1, 2 ** 24 + 1, 3, 4]),
  predicate: sbuf([2, 2], "uint32", [0, 2 ** 31, 1, 0]),
};

test("tensor_copy_predicated overwrites selected elements bit by bit and leaves the others", () => {
  expect(evaluate(tensorCopyPredicated, call)["dst"]).toEqual([10, 2 ** 24 + 1, 3, 40]);
  expect(evaluate(tensorCopyPredicated, call, { reverse_pred: true })["dst"]).toEqual([
    1, 20, 30, 4,
  ]);
  expect(evaluate(tensorCopyPredicated, { ...call, src: -5 })["dst"]).toEqual([10, -5, -5, 40]);
});

test("tensor_copy_predicated C1: one size", () => {
  breaks(tensorCopyPredicated, "C1", { ...call, predicate: sbuf([2, 1], "uint8") });
});

test("tensor_copy_predicated C2: one data type", () => {
  breaks(tensorCopyPredicated, "C2", { ...call, src: sbuf([2, 2]) });
});

test("tensor_copy_predicated C3: one of src and predicate in PSUM at most", () => {
  const both = { src: psum([2, 2], "int32"), predicate: psum([2, 2], "uint8") };
  breaks(tensorCopyPredicated, "C3", { ...call, ...both });
});

test("tensor_copy_predicated G4: the predicate is unsigned", () => {
  breaks(tensorCopyPredicated, "G4", { ...call, predicate: sbuf([2, 2], "int8") });
});

test("tensor_copy_predicated C4: a scattered dst has its index beside the input", () => {
  const scattered = {
    dynamic: "indirect",
    index: sbuf([2, 1], "uint16", undefined, { start: 32 }),
  } as const;
  breaks(
    tensorCopyPredicated,
    "C4",
    {
      dst: sbuf([2, 2], "float32", undefined, scattered),
      src: 1,
      predicate: sbuf([2, 2], "uint8"),
    },
    {},
    { generation: 4 },
  );
});

test("tensor_copy_predicated moves packed tiles; G4: a number has no packed form", () => {
  const dst = sbuf([2, 2], "float8_e5m2_x4", [1, 2, 3, 4]);
  const packed = { ...call, dst, src: sbuf([2, 2], "float8_e5m2_x4", [5, 6, 7, 8]) };
  const v4 = { generation: 4 } as const;
  expect(evaluate(tensorCopyPredicated, packed, {}, v4)["dst"]).toEqual([1, 6, 7, 4]);
  breaks(tensorCopyPredicated, "G4", { ...packed, src: 0 }, {}, v4);
});
