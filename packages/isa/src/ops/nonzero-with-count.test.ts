import { expect, test } from "vitest";
import { nonzeroWithCount } from "./nonzero-with-count.ts";
import { breaks, evaluate, sbuf } from "./testing.ts";

test("nonzero_with_count lists positions, padding and the count in every 16th partition only", () => {
  const row = [0, 1, 1, 0, 0, 1, 0, 0];
  const src = sbuf([17, 8], "float32", [
    ...row,
    ...new Array(15 * 8).fill(5),
    ...row.map((v) => 1 - v),
  ]);
  const dst = sbuf([17, 9], "int32", new Array(17 * 9).fill(77));
  const out = evaluate(nonzeroWithCount, { dst, src }, { index_offset: 16 })["dst"]!;
  expect(out.slice(0, 9)).toEqual([17, 18, 21, -1, -1, -1, -1, -1, 3]);
  expect(out.slice(9, 16 * 9).every((v) => v === 77)).toBe(true);
  expect(out.slice(16 * 9)).toEqual([16, 19, 20, 22, 23, -1, -1, -1, 5]);
});

test("nonzero_with_count C1: one element more", () => {
  breaks(nonzeroWithCount, "C1", { dst: sbuf([16, 8], "int32"), src: sbuf([16, 8]) });
});

test("nonzero_with_count G7: needs NeuronCore-v3", () => {
  breaks(
    nonzeroWithCount,
    "G7",
    { dst: sbuf([16, 9], "int32"), src: sbuf([16, 8]) },
    {},
    { generation: 2 },
  );
});
