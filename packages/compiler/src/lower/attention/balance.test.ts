/** Choices that depend on what engines of a chip can do. */
import { chipNamed } from "@opentrn/chips";
import { expect, test } from "vitest";
import { shareOfTensor, Tally, wantsAllRows } from "./balance.ts";

const chip = chipNamed("trn2");
const forward = { scores: 1, products: 1 };
const backward = { scores: 2, products: 3 };

test("few features are padded in long Programs, on chips with a duty limiter", () => {
  const many = 10_000;
  expect([16, 64, 80, 112, 128, 256].map((d) => wantsAllRows(chip, d, forward, many))).toEqual([
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
  expect(wantsAllRows(chip, 64, backward, many)).toBe(true);
  expect(wantsAllRows(chip, 64, backward, 100)).toBe(false);
  expect(wantsAllRows(chipNamed("trn1"), 64, backward, many)).toBe(false);
});

test("TensorE turns weights where DMA would be the limit", () => {
  const load = { dtype: "bfloat16", matmuls: forward, d: 64, passes: 1.4 } as const;
  expect(shareOfTensor(chip, { ...load, bytes: 0 })).toBe(0);
  const some = shareOfTensor(chip, { ...load, bytes: 14_000 });
  expect(some).toBeGreaterThan(0.04);
  expect(shareOfTensor(chip, { ...load, bytes: 20_000 })).toBeGreaterThan(some);
  expect(shareOfTensor(chip, { ...load, bytes: 1e6 })).toBe(0.2);
  // fp32 matmuls take four passes, transfers only twice the bytes.
  expect(shareOfTensor(chip, { ...load, dtype: "float32", bytes: 10_000 })).toBe(0);
});

test("work goes to the engine with less of it", () => {
  const tally = new Tally(chip);
  tally.add("vector", 1000);
  expect(tally.choose(100, 100)).toBe("scalar");
  tally.add("scalar", 2000);
  expect(tally.choose(100, 100)).toBe("vector");
  expect(tally.cost("scalar", 1000)).toBeCloseTo(1060 / 1.2);
  expect(tally.cost("vector", 0, true)).toBeCloseTo((58 + 67) / 0.96);
});
