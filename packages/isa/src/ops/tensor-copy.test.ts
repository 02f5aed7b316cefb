import { expect, test } from "vitest";
import { tensorCopy } from "./tensor-copy.ts";
import { breaks, build, evaluate, psum, sbuf } from "./testing.ts";

test("tensor_copy keeps bits of one type and rounds between two", () => {
  const src = sbuf([1, 2], "int32", [2 ** 24 + 1, -7]);
  expect(evaluate(tensorCopy, { dst: sbuf([1, 2], "int32"), src })["dst"]).toEqual([
    2 ** 24 + 1,
    -7,
  ]);
  expect(evaluate(tensorCopy, { dst: sbuf([1, 2], "uint8"), src })["dst"]).toEqual([255, 0]);
});

test("tensor_copy from PSUM takes the measured 597 to 608 ns for fp32 [128, 512] on trn2", () => {
  const { call } = build(tensorCopy, { dst: sbuf([128, 512]), src: psum([128, 512]) });
  const cost = tensorCopy.cost.kind === "engine" && tensorCopy.cost.cycles(call as never);
  expect(cost && cost.interval / 0.96).toBeGreaterThan(590);
  expect(cost && cost.interval / 0.96).toBeLessThan(608);
});

test("tensor_copy C1: one size", () => {
  breaks(tensorCopy, "C1", { dst: sbuf([1, 2]), src: sbuf([2, 1]) });
});

test("tensor_copy C2: GpSimd does not reach PSUM", () => {
  breaks(tensorCopy, "C2", { dst: sbuf([1, 2]), src: psum([1, 2]) }, { engine: "gpsimd" });
});

test("tensor_copy G9: ScalarE of NeuronCore-v2 cannot run it", () => {
  breaks(
    tensorCopy,
    "G9",
    { dst: sbuf([1, 2]), src: sbuf([1, 2]) },
    { engine: "scalar" },
    { generation: 2 },
  );
});
