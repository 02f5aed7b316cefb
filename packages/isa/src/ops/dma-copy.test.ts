import { expect, test } from "vitest";
import { dmaCopy } from "./dma-copy.ts";
import { breaks, build, evaluate, hbm, psum, sbuf, upTo, v2 } from "./testing.ts";

const dst = sbuf([2, 4]);
const src = hbm([8], "float32", upTo(8));

test("dma_copy keeps the order of elements and rounds between types", () => {
  expect(evaluate(dmaCopy, { dst, src })["dst"]).toEqual(upTo(8));
  const narrow = { dst: sbuf([1, 1], "int8"), src: hbm([1], "float32", [300]) };
  expect(evaluate(dmaCopy, narrow)["dst"]).toEqual([127]);
});

test("dma_copy C1: as many elements on both sides", () => {
  breaks(dmaCopy, "C1", { dst, src: hbm([2, 3]) });
});

test("dma_copy C2: hwdge moves bytes", () => {
  breaks(dmaCopy, "C2", { dst, src: hbm([8], "bfloat16") }, { dge_mode: "hwdge" });
});

test("dma_copy C3: hwdge needs NeuronCore-v3", () => {
  breaks(dmaCopy, "C3", { dst, src }, { dge_mode: "hwdge" }, { chip: v2 });
});

test("dma_copy C4: an engine belongs to hwdge", () => {
  breaks(dmaCopy, "C4", { dst, src }, { engine: "scalar" });
  breaks(dmaCopy, "C4", { dst, src }, { engine: "gpsimd", dge_mode: "hwdge" });
  build(dmaCopy, { dst, src }, { engine: "scalar", dge_mode: "hwdge" });
});

test("dma_copy C5: vectors of offsets go through swdge", () => {
  const gathered = hbm([2, 4], "float32", undefined, { dynamic: "vector" });
  breaks(dmaCopy, "C5", { dst, src: gathered }, { dge_mode: "hwdge" });
  build(dmaCopy, { dst, src: gathered }, { dge_mode: "swdge" });
});

test("dma_copy C6: priority", () => {
  breaks(dmaCopy, "C6", { dst, src }, { priority: 0 });
  breaks(dmaCopy, "C6", { dst, src }, { priority: 4 }, { generation: 4 });
});

test("dma_copy C7: packed types are not converted", () => {
  const packed = { dst: sbuf([1, 1], "float8_e5m2_x4"), src: hbm([1]) };
  breaks(dmaCopy, "C7", packed, {}, { generation: 4 });
});

test("dma_copy G3 and G12: no PSUM, no vector of offsets into SBUF", () => {
  breaks(dmaCopy, "G3", { dst: psum([2, 4]), src });
  breaks(dmaCopy, "G12", {
    dst: hbm([8]),
    src: sbuf([2, 4], "float32", undefined, { dynamic: "vector" }),
  });
});
