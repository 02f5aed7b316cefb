import { expect, test } from "vitest";
import { ncMatmulMx } from "./nc-matmul-mx.ts";
import { breaks, build, evaluate, psum, sbuf, upTo } from "./testing.ts";

const v4 = { generation: 4 } as const;
const overwrite = { accumulate: false };
const fp4 = "float4_e2m1fn_x4";
const fp8 = "float8_e4m3fn_x4";
/** Four float4 elements 1, 0, 0, 0 and four of 1. */
const [first, ones] = [0x0002, 0x2222];

const tiles = (K: number, M: number, N: number) => ({
  dst: psum([M, N]),
  stationary: sbuf([K, M], fp4, new Array(K * M).fill(ones)),
  moving: sbuf([K, N], fp4, new Array(K * N).fill(ones)),
  stationary_scale: sbuf([K, M], "uint8", new Array(K * M).fill(127)),
  moving_scale: sbuf([K, N], "uint8", new Array(K * N).fill(127)),
});

test("nc_matmul_mx contracts partitions and the four packed elements", () => {
  expect(evaluate(ncMatmulMx, tiles(32, 2, 1), overwrite, v4)["dst"]).toEqual([128, 128]);
  const call = { ...tiles(64, 2, 1), moving: sbuf([64, 1], fp4, new Array(64).fill(first)) };
  expect(evaluate(ncMatmulMx, call, overwrite, v4)["dst"]).toEqual([64, 64]);
});

test("nc_matmul_mx scales groups of 8 partitions by the rows at the start of each quadrant", () => {
  // Groups 0 to 3 of quadrant 0 scale by 1, 2, 4, 8 and those of quadrant 1 by 16; other rows are never read.
  const scales = new Array<number>(64).fill(255);
  for (const i of upTo(4)) [scales[i], scales[32 + i]] = [127 + i, 131];
  const call = {
    ...tiles(64, 2, 1),
    moving_scale: sbuf(
      [64, 1],
      "float8_e8m0fnu",
      scales.map((s) => (s === 255 ? Number.NaN : 2 ** (s - 127))),
    ),
  };
  expect(evaluate(ncMatmulMx, call, overwrite, v4)["dst"]).toEqual([
    32 * (1 + 2 + 4 + 8) + 128 * 16,
    32 * (1 + 2 + 4 + 8) + 128 * 16,
  ]);
});

test("nc_matmul_mx mixes formats and accumulates", () => {
  // float8_e4m3fn: 1, 2, -1 and 448
  const moving = sbuf([32, 1], fp8, [0x7eb84038, ...new Array(31).fill(0)]);
  const call = { ...tiles(32, 2, 1), dst: psum([2, 1], "float32", [1, 2]), moving };
  expect(evaluate(ncMatmulMx, call, { accumulate: true }, v4)["dst"]).toEqual([451, 452]);
});

test("nc_matmul_mx with quantised scales from both sides multiplies them", () => {
  const both = (e: number) => sbuf([32, 2], "uint8", new Array(64).fill(127 + e));
  const call = { ...tiles(32, 2, 2), stationary_scale: both(3), moving_scale: both(-5) };
  expect(evaluate(ncMatmulMx, call, overwrite, v4)["dst"]).toEqual([32, 32, 32, 32]);
});

test("nc_matmul_mx C1: one partition size", () => {
  const moving = { moving: sbuf([64, 1], fp4), moving_scale: sbuf([64, 1], "uint8") };
  breaks(ncMatmulMx, "C1", { ...tiles(32, 2, 1), ...moving }, overwrite, v4);
});

test("nc_matmul_mx C2: whole quadrants", () => {
  breaks(ncMatmulMx, "C2", tiles(16, 2, 1), overwrite, v4);
});

test("nc_matmul_mx C3: the stationary free size is even", () => {
  breaks(ncMatmulMx, "C3", tiles(32, 3, 1), overwrite, v4);
});

test("nc_matmul_mx C4: the moving free size fits PSUM", () => {
  // No PSUM tensor is that wide, so one element stands for all columns.
  const dst = (dtype: "float32" | "bfloat16") =>
    psum([2, 4097], dtype, undefined, { strides: [1, 0] });
  breaks(ncMatmulMx, "C4", { ...tiles(32, 2, 4097), dst: dst("float32") }, overwrite, v4);
  build(ncMatmulMx, { ...tiles(32, 2, 4097), dst: dst("bfloat16") }, overwrite, v4);
});

test("nc_matmul_mx C5: dst is [M, N]", () => {
  breaks(ncMatmulMx, "C5", { ...tiles(32, 2, 1), dst: psum([1, 2]) }, overwrite, v4);
});

test("nc_matmul_mx C6: stationary scales", () => {
  breaks(
    ncMatmulMx,
    "C6",
    { ...tiles(32, 2, 1), stationary_scale: sbuf([32, 4], "uint8") },
    overwrite,
    v4,
  );
});

test("nc_matmul_mx C7: moving scales", () => {
  breaks(
    ncMatmulMx,
    "C7",
    { ...tiles(64, 2, 1), moving_scale: sbuf([8, 1], "uint8") },
    overwrite,
    v4,
  );
});

test("nc_matmul_mx C8: row tiles only", () => {
  const at = (tile_position: number[], tile_size: number[]) => ({
    ...overwrite,
    tile_position,
    tile_size,
  });
  breaks(ncMatmulMx, "C8", tiles(32, 2, 1), at([0, 64], [32, 64]), v4);
  breaks(ncMatmulMx, "C8", tiles(64, 2, 1), at([32, 0], [32, 128]), v4);
  build(ncMatmulMx, tiles(32, 2, 1), at([96, 0], [32, 128]), v4);
});

test("nc_matmul_mx C9: tensor indirection of a tile and its scales", () => {
  const indirect = { dynamic: "indirect", index: sbuf([32, 1], "uint16") } as const;
  const moving = sbuf([32, 1], fp4, undefined, indirect);
  breaks(ncMatmulMx, "C9", { ...tiles(32, 2, 1), moving }, overwrite, v4);
  const moving_scale = sbuf([32, 1], "uint8", undefined, indirect);
  build(ncMatmulMx, { ...tiles(32, 2, 1), moving, moving_scale }, overwrite, v4);
});

test("nc_matmul_mx G7: needs NeuronCore-v4", () => {
  breaks(ncMatmulMx, "G7", tiles(32, 2, 1), overwrite);
});

test("nc_matmul_mx C10: a scattered dst has its index beside the input", () => {
  const scattered = {
    dynamic: "indirect",
    index: sbuf([2, 1], "uint16", undefined, { start: 32 }),
  } as const;
  breaks(
    ncMatmulMx,
    "C10",
    { ...tiles(32, 2, 1), dst: psum([2, 1], "float32", undefined, scattered) },
    overwrite,
    { generation: 4 },
  );
});
