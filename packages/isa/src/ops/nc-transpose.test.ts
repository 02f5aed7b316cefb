import { expect, test } from "vitest";
import { ncTranspose } from "./nc-transpose.ts";
import { breaks, build, evaluate, psum, sbuf, v2 } from "./testing.ts";

test("nc_transpose turns rows into columns and keeps every bit", () => {
  const call = {
    dst: psum([3, 2]),
    data: sbuf([2, 3], "float32", [0, -0, 2, Number.NaN, 4, Infinity]),
  };
  expect(evaluate(ncTranspose, call, { engine: "tensor" })["dst"]).toEqual([
    0,
    NaN,
    -0,
    4,
    2,
    Infinity,
  ]);
});

test("nc_transpose flattens the free dimensions", () => {
  const call = {
    dst: sbuf([4, 1], "int32"),
    data: sbuf([1, 2, 2], "int32", [1, 2, 3, 2 ** 31 - 1]),
  };
  expect(evaluate(ncTranspose, call)["dst"]).toEqual([1, 2, 3, 2 ** 31 - 1]);
});

test("nc_transpose on TensorE of NeuronCore-v2 multiplies: NaN and infinity spread, -0 becomes 0", () => {
  const call = { dst: psum([2, 2]), data: sbuf([2, 2], "float32", [1, -0, Infinity, 4]) };
  const { dst } = evaluate(ncTranspose, call, { engine: "tensor" }, { chip: v2 });
  expect(dst).toEqual([NaN, Infinity, 0, 4]);
});

test("nc_transpose picks VectorE for tiles of at most 32 x 32, else TensorE where it reaches", () => {
  expect(build(ncTranspose, { dst: psum([32, 32]), data: sbuf([32, 32]) }).engine).toBe("vector");
  expect(build(ncTranspose, { dst: psum([64, 32]), data: sbuf([32, 64]) }).engine).toBe("tensor");
});

test("nc_transpose C1: dst is [F, P]", () => {
  breaks(ncTranspose, "C1", { dst: psum([4, 8]), data: sbuf([4, 8]) });
});

test("nc_transpose C2: one data type", () => {
  breaks(ncTranspose, "C2", { dst: psum([8, 4]), data: sbuf([4, 8], "bfloat16") });
});

test("nc_transpose C3: TensorE reads SBUF and writes PSUM", () => {
  breaks(ncTranspose, "C3", { dst: sbuf([8, 4]), data: sbuf([4, 8]) }, { engine: "tensor" });
  breaks(ncTranspose, "C3", { dst: psum([8, 4]), data: psum([4, 8]) }, { engine: "tensor" });
});

test("nc_transpose C4: size limits of the engines", () => {
  breaks(ncTranspose, "C4", { dst: sbuf([64, 32]), data: sbuf([32, 64]) });
  breaks(ncTranspose, "C4", { dst: psum([64, 32]), data: sbuf([32, 64]) }, { engine: "vector" });
  build(ncTranspose, { dst: psum([128, 128]), data: sbuf([128, 128]) });
});

test("nc_transpose costs P columns on TensorE, two passes for fp32", () => {
  const cycles = (dtype: "float32" | "bfloat16") => {
    const { call } = build(ncTranspose, {
      dst: psum([128, 128], dtype),
      data: sbuf([128, 128], dtype),
    });
    return ncTranspose.cost.kind === "engine" ? ncTranspose.cost.cycles(call as never).interval : 0;
  };
  expect(cycles("bfloat16")).toBe(134);
  expect(cycles("float32")).toBe(262);
});
