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

test("tensor_copy C3: a scattered dst has its index beside the input", () => {
  const scattered = {
    dynamic: "indirect",
    index: sbuf([2, 1], "uint16", undefined, { start: 32 }),
  } as const;
  breaks(
    tensorCopy,
    "C3",
    { dst: sbuf([2, 2], "float32", undefined, scattered), src: sbuf([2, 2]) },
    {},
    { generation: 4 },
  );
});

test("tensor_copy C4: tensor indirection does not run on GpSimd", () => {
  const src = sbuf([2, 2], "float32", undefined, {
    dynamic: "indirect",
    index: sbuf([2, 1], "uint16"),
  });
  breaks(tensorCopy, "C4", { dst: sbuf([2, 2]), src }, { engine: "gpsimd" }, { generation: 4 });
});
