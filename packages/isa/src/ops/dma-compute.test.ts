import { expect, test } from "vitest";
import { dmaCompute } from "./dma-compute.ts";
import { breaks, build, evaluate, hbm, sbuf } from "./testing.ts";

const add = { reduce_op: "add" };
const dst = hbm([4], "bfloat16");
const src0 = hbm([4], "float32", [1, 2, 3, 4]);
const src1 = sbuf([2, 2], "int32", [10, 20, 30, 40]);

test("dma_compute adds its sources in order in fp32 and rounds once", () => {
  expect(evaluate(dmaCompute, { dst, src0, src1 }, add)["dst"]).toEqual([11, 22, 33, 44]);
  const big = (v: number) => hbm([1], "float32", [v]);
  const three = { dst: hbm([1]), src0: big(2 ** 24), src1: big(1), src2: big(-(2 ** 24)) };
  expect(evaluate(dmaCompute, three, add)["dst"]).toEqual([0]);
});

const rows = hbm([2, 4], "float32", undefined, { dynamic: "vector" });

test("dma_compute C1: as many elements everywhere", () => {
  breaks(dmaCompute, "C1", { dst, src0, src1: hbm([5]) }, add);
});

test("dma_compute C2: reduce_op is add", () => {
  breaks(dmaCompute, "C2", { dst, src0, src1 }, { reduce_op: "maximum" });
});

test("dma_compute C3: scales are 1", () => {
  breaks(dmaCompute, "C3", { dst, src0, src1 }, { ...add, scales: 0.5 });
});

test("dma_compute C4: two sources and unique indices with run-time offsets", () => {
  const gather = { dst: sbuf([2, 4]), src0: sbuf([2, 4]), src1: rows };
  build(dmaCompute, gather, add);
  breaks(dmaCompute, "C4", { ...gather, src2: sbuf([2, 4]) }, { ...add }, {});
  breaks(dmaCompute, "C4", gather, { ...add, unique_indices: false });
});

test("dma_compute C5: scatter and gather", () => {
  build(dmaCompute, { dst: rows, src0: rows, src1: sbuf([2, 4]) }, add);
  breaks(dmaCompute, "C5", { dst: hbm([2, 4]), src0: sbuf([2, 4]), src1: rows }, add);
  breaks(dmaCompute, "C5", { dst: rows, src0: rows, src1: hbm([2, 4]) }, add);
});

test("dma_compute C6: skipping needs run-time offsets", () => {
  breaks(dmaCompute, "C6", { dst, src0, src1 }, { ...add, oob_mode: "skip" });
});

test("dma_compute C7: packed types are not added", () => {
  const packed = hbm([4], "float8_e5m2_x4");
  breaks(dmaCompute, "C7", { dst: packed, src0: packed }, add, { generation: 4 });
});
