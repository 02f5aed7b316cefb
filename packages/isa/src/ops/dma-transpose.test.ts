import { expect, test } from "vitest";
import { dmaTranspose } from "./dma-transpose.ts";
import { breaks, build, evaluate, hbm, sbuf, upTo, v2 } from "./testing.ts";

test("dma_transpose exchanges the first and the last dimension", () => {
  const two = evaluate(dmaTranspose, {
    dst: sbuf([3, 2], "bfloat16"),
    src: hbm([2, 3], "bfloat16", upTo(6)),
  });
  expect(two["dst"]).toEqual([0, 3, 1, 4, 2, 5]);
  const four = evaluate(dmaTranspose, {
    dst: sbuf([2, 2, 1, 2], "int16"),
    src: hbm([2, 2, 1, 2], "int16", upTo(8)),
  });
  // dst[d][b][c][a] = src[a][b][c][d]
  expect(four["dst"]).toEqual([0, 4, 2, 6, 1, 5, 3, 7]);
});

test("dma_transpose moves bits: NaN payloads and all 32 bits survive", () => {
  const src = sbuf([1, 2], "int32", [0x7fc00001, -1]);
  expect(evaluate(dmaTranspose, { dst: sbuf([2, 1], "int32"), src })["dst"]).toEqual([
    0x7fc00001, -1,
  ]);
});

const direct = { dst: sbuf([8, 16], "bfloat16"), src: hbm([16, 8], "bfloat16") };
/** A gathering call: the indices are [rows, columns] of a type. */
const gather = (
  rows: number,
  last: number,
  index: readonly number[] = [128, 1],
  indexType: "uint32" | "int32" = "uint32",
  dtype: "bfloat16" | "float32" = "bfloat16",
) => ({
  dst: sbuf([last, rows], dtype),
  src: hbm([rows, last], dtype, undefined, {
    dynamic: "vector",
    index: sbuf(index, indexType),
  }),
});

test("dma_transpose C1: axes are those of the rank", () => {
  breaks(dmaTranspose, "C1", direct, { axes: [0, 1] });
  build(dmaTranspose, direct, { axes: [1, 0] });
});

test("dma_transpose C2: dst has exactly the permuted shape", () => {
  breaks(dmaTranspose, "C2", { dst: sbuf([8, 4, 4], "bfloat16"), src: direct.src });
});

test("dma_transpose C3: one data type", () => {
  breaks(dmaTranspose, "C3", { dst: sbuf([8, 16], "float16"), src: direct.src });
});

test("dma_transpose C4: dge_mode by form", () => {
  breaks(dmaTranspose, "C4", direct, { dge_mode: "swdge" });
  breaks(dmaTranspose, "C4", gather(128, 64), { dge_mode: "none" });
  build(dmaTranspose, gather(128, 64), { dge_mode: "swdge" });
});

test("dma_transpose C5: hwdge needs NeuronCore-v3", () => {
  breaks(dmaTranspose, "C5", direct, { dge_mode: "hwdge" }, { chip: v2 });
});

test("dma_transpose C6: hwdge sizes", () => {
  const wrong = { dst: sbuf([8, 32], "bfloat16"), src: hbm([32, 8], "bfloat16") };
  breaks(dmaTranspose, "C6", wrong, { dge_mode: "hwdge" });
  const three = { dst: sbuf([8, 3, 2], "bfloat16"), src: hbm([2, 3, 8], "bfloat16") };
  breaks(dmaTranspose, "C6", three, { dge_mode: "hwdge" });
  build(dmaTranspose, direct, { dge_mode: "hwdge" });
});

test("dma_transpose C7: hwdge takes 2-byte types", () => {
  const wide = { dst: sbuf([8, 16]), src: hbm([16, 8]) };
  breaks(dmaTranspose, "C7", wide, { dge_mode: "hwdge" });
  breaks(dmaTranspose, "C7", gather(128, 64, [128, 1], "uint32", "float32"));
  build(dmaTranspose, wide);
});

test("dma_transpose C8: rows of a gather come in sixteens", () => {
  breaks(dmaTranspose, "C8", gather(24, 64, [128, 1]));
  build(dmaTranspose, gather(32, 64, [32, 1]));
});

test("dma_transpose C9: indices of a gather", () => {
  breaks(dmaTranspose, "C9", gather(32, 64, [32, 1], "int32"));
  breaks(dmaTranspose, "C9", gather(32, 64, [16, 1]));
  breaks(dmaTranspose, "C9", gather(32, 64, [64, 2]));
});

test("dma_transpose C10: a gather needs NeuronCore-v3", () => {
  breaks(dmaTranspose, "C10", gather(128, 64), {}, { generation: 2 });
});

test("dma_transpose C11: skipping needs run-time indices", () => {
  breaks(dmaTranspose, "C11", direct, { oob_mode: "skip" });
});

test("dma_transpose C12: priority", () => {
  breaks(dmaTranspose, "C12", direct, { priority: 1 });
  build(dmaTranspose, direct, { priority: 1 }, { generation: 4 });
});
