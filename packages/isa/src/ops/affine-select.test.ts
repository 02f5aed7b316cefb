import { expect, test } from "vitest";
import { affineSelect } from "./affine-select.ts";
import { breaks, build, evaluate, sbuf, upTo } from "./testing.ts";

const dst = sbuf([3, 3]);
const on_true_tile = sbuf([3, 3], "float32", upTo(9));
/** Keeps column <= row: row - column >= 0. */
const causal = { pattern: [-1, 3], channel_multiplier: 1, cmp_op: "greater_equal" };

test("affine_select applies a causal mask", () => {
  const out = evaluate(affineSelect, { dst, on_true_tile, on_false_value: -1 }, causal);
  expect(out["dst"]).toEqual([0, -1, -1, 3, 4, -1, 6, 7, 8]);
});

test("affine_select compares for equality by default and adds the offset", () => {
  const attrs = { pattern: [1, 3], channel_multiplier: 0, offset: -1 };
  const out = evaluate(affineSelect, { dst, on_true_tile, on_false_value: 0.5 }, attrs);
  expect(out["dst"]).toEqual([0.5, 1, 0.5, 0.5, 4, 0.5, 0.5, 7, 0.5]);
});

test("affine_select moves bits of one type and converts between two", () => {
  const wide = sbuf([1, 2], "int32", [2 ** 24 + 1, 2]);
  const attrs = { pattern: [1, 2], channel_multiplier: 0 };
  const same = { dst: sbuf([1, 2], "int32"), on_true_tile: wide, on_false_value: 7 };
  expect(evaluate(affineSelect, same, attrs)["dst"]).toEqual([2 ** 24 + 1, 7]);
  const other = { ...same, dst: sbuf([1, 2]) };
  expect(evaluate(affineSelect, other, attrs)["dst"]).toEqual([2 ** 24, 7]);
});

test("affine_select runs on GpSimd: 150 cycles to start, then one element a cycle", () => {
  const tile = sbuf([128, 512]);
  const attrs = { ...causal, pattern: [-1, 512] };
  const { call } = build(affineSelect, { dst: tile, on_true_tile: tile, on_false_value: 0 }, attrs);
  expect(
    affineSelect.cost.kind === "engine" && affineSelect.cost.cycles(call as never).interval,
  ).toBe(662);
});

test("affine_select C1: one size", () => {
  breaks(affineSelect, "C1", { dst, on_true_tile: sbuf([2, 3]), on_false_value: 0 }, causal);
});

test("affine_select C2: up to four pairs", () => {
  breaks(
    affineSelect,
    "C2",
    { dst, on_true_tile, on_false_value: 0 },
    { ...causal, pattern: [1, 3, 0] },
  );
});

test("affine_select C3: the pattern fills dst", () => {
  breaks(
    affineSelect,
    "C3",
    { dst, on_true_tile, on_false_value: 0 },
    { ...causal, pattern: [1, 4] },
  );
});

test("affine_select C4: cmp_op compares", () => {
  breaks(
    affineSelect,
    "C4",
    { dst, on_true_tile, on_false_value: 0 },
    { ...causal, cmp_op: "add" },
  );
});

test("affine_select G4: the constant has no packed form", () => {
  const packed = sbuf([3, 3], "float8_e5m2_x4");
  const operands = { dst: packed, on_true_tile: packed, on_false_value: 0 };
  breaks(affineSelect, "G4", operands, causal, { generation: 4 });
});
