import { expect, test } from "vitest";
import { ncMatmul } from "./nc-matmul.ts";
import { breaks, build, evaluate, psum, sbuf } from "./testing.ts";

const call = {
  dst: psum([2, 3]),
  stationary: sbuf([2, 2], "bfloat16", [1, 2, 3, 4]),
  moving: sbuf([2, 3], "bfloat16", [1, 0, 2, 0, 1, 10]),
};
const overwrite = { accumulate: false };
const cycles = (dtype: "bfloat16" | "float32", N: number, attrs = {}): number => {
  const made = build(
    ncMatmul,
    { dst: psum([128, N]), stationary: sbuf([128, 128], dtype), moving: sbuf([128, N], dtype) },
    attrs,
  );
  return ncMatmul.cost.kind === "engine"
    ? ncMatmul.cost.cycles(made.call as never).interval
    : Number.NaN;
};

test("nc_matmul computes stationary.T @ moving", () => {
  // columns of stationary: (1, 3) and (2, 4)
  expect(evaluate(ncMatmul, call, overwrite)["dst"]).toEqual([1, 3, 32, 2, 4, 44]);
});

test("nc_matmul accumulates into what PSUM holds", () => {
  const more = { ...call, dst: psum([2, 3], "float32", [100, 100, 100, 0, 0, 0.5]) };
  expect(evaluate(ncMatmul, more, { accumulate: true })["dst"]).toEqual([
    101, 103, 132, 2, 4, 44.5,
  ]);
});

test("nc_matmul adds products in ascending partition order, rounding each step to fp32", () => {
  const column = (...v: number[]) => sbuf([4, 1], "float32", v);
  const sum = {
    dst: psum([1, 1]),
    stationary: column(1, 1, 1, 1),
    moving: column(2 ** 24, 1, 1, -(2 ** 24)),
  };
  expect(evaluate(ncMatmul, sum, overwrite)["dst"]).toEqual([0]);
});

test("nc_matmul in double_row contracts over partitions and the first free dimension", () => {
  const fp8 = {
    dst: psum([1, 1]),
    stationary: sbuf([2, 2, 1], "float8_e4m3", [1, 2, 3, 4]),
    moving: sbuf([2, 2, 1], "float8_e4m3", [1, 1, 1, 2]),
  };
  expect(evaluate(ncMatmul, fp8, { ...overwrite, perf_mode: "double_row" })["dst"]).toEqual([14]);
});

test("nc_matmul in transpose mode passes bits through", () => {
  const eye = sbuf([2, 2], "bfloat16", [1, 0, 0, 1]);
  const stationary = sbuf([2, 2], "bfloat16", [1, Number.NaN, Number.POSITIVE_INFINITY, -0]);
  const out = evaluate(
    ncMatmul,
    { dst: psum([2, 2], "bfloat16"), stationary, moving: eye },
    { ...overwrite, is_transpose: true },
  );
  expect(out["dst"]).toEqual([1, Infinity, NaN, -0]);
});

test("nc_matmul takes the measured time on trn2: one pass for bf16, four for fp32", () => {
  expect(cycles("bfloat16", 512) / 2.4).toBeCloseTo(216, -1);
  expect(cycles("float32", 512) / 2.4).toBeCloseTo(2 * 429, -1.5);
  expect(cycles("float32", 512, { is_moving_onezero: true })).toBe(cycles("float32", 512) / 2);
});

test("nc_matmul C1: one contraction size", () => {
  breaks(ncMatmul, "C1", { ...call, stationary: sbuf([4, 2], "bfloat16") }, overwrite);
});

test("nc_matmul C2: the moving free size fits", () => {
  // A 16-bit transpose of 513 columns stays inside one bank, so only this rule breaks.
  const wide = { dst: psum([2, 513], "bfloat16"), moving: sbuf([2, 513], "bfloat16") };
  breaks(ncMatmul, "C2", { ...call, ...wide }, { ...overwrite, is_transpose: true });
});

test("nc_matmul C3: the stationary free size is at most the columns of the array tile", () => {
  const half = { tile_position: [0, 64], tile_size: [128, 64] };
  const tall = { dst: psum([65, 3]), stationary: sbuf([2, 65], "bfloat16") };
  breaks(ncMatmul, "C3", { ...call, ...tall }, { ...overwrite, ...half });
  build(ncMatmul, { ...call, ...tall }, overwrite);
});

test("nc_matmul C4: dst is [M, N]", () => {
  breaks(ncMatmul, "C4", { ...call, dst: psum([3, 2]) }, overwrite);
});

test("nc_matmul C5: fp32 does not mix with narrower types", () => {
  breaks(ncMatmul, "C5", { ...call, moving: sbuf([2, 3]) }, overwrite);
});

test("nc_matmul C6: dst is float32, in transpose mode as wide as the input", () => {
  breaks(ncMatmul, "C6", { ...call, dst: psum([2, 3], "bfloat16") }, overwrite);
  breaks(ncMatmul, "C6", call, { ...overwrite, is_transpose: true });
  build(ncMatmul, { ...call, dst: psum([2, 3], "bfloat16") }, overwrite, { generation: 4 });
});

test("nc_matmul C7: float8_e4m3 and float8_e4m3fn do not mix", () => {
  const mixed = { stationary: sbuf([2, 2], "float8_e4m3"), moving: sbuf([2, 3], "float8_e4m3fn") };
  breaks(ncMatmul, "C7", { ...call, ...mixed }, overwrite, { generation: 4 });
});

test("nc_matmul C8: double_row takes fp8 with a first free dimension of 2", () => {
  const double = { ...overwrite, perf_mode: "double_row" };
  const pair = { stationary: sbuf([2, 2, 2], "bfloat16"), moving: sbuf([2, 2, 3], "bfloat16") };
  breaks(ncMatmul, "C8", { ...call, ...pair }, double);
  const flat = { stationary: sbuf([2, 4], "float8_e5m2"), moving: sbuf([2, 6], "float8_e5m2") };
  breaks(ncMatmul, "C8", { ...call, ...flat }, double);
});

test("nc_matmul C9: array tiles", () => {
  breaks(ncMatmul, "C9", call, { ...overwrite, tile_position: [0, 0] });
  breaks(ncMatmul, "C9", call, { ...overwrite, tile_position: [32, 0], tile_size: [64, 128] });
  breaks(
    ncMatmul,
    "C9",
    call,
    { ...overwrite, tile_position: [0, 0], tile_size: [32, 128] },
    { generation: 2 },
  );
  build(ncMatmul, call, { ...overwrite, tile_position: [64, 0], tile_size: [64, 128] });
});

test("nc_matmul C10: the result stays inside one PSUM bank", () => {
  breaks(
    ncMatmul,
    "C10",
    { ...call, dst: psum([2, 3], "float32", undefined, { offset: 510 }) },
    overwrite,
  );
});

test("nc_matmul C11: tensor indirection", () => {
  const v4 = { generation: 4 } as const;
  const indirect = { dynamic: "indirect", index: sbuf([2, 1], "uint16") } as const;
  const moving = sbuf([2, 3], "bfloat16", undefined, indirect);
  build(ncMatmul, { ...call, moving }, overwrite, v4);
  const tiled = { tile_position: [64, 0], tile_size: [64, 128] };
  breaks(ncMatmul, "C11", { ...call, moving }, { ...overwrite, ...tiled }, v4);
  const wide = { stationary: sbuf([2, 2]), moving: sbuf([2, 3], "float32", undefined, indirect) };
  breaks(ncMatmul, "C11", { ...call, ...wide }, overwrite, v4);
  const transposed = { dst: psum([2, 3], "bfloat16"), moving };
  breaks(ncMatmul, "C11", { ...call, ...transposed }, { ...overwrite, is_transpose: true }, v4);
});

test("nc_matmul G3: operands in SBUF, result in PSUM", () => {
  breaks(ncMatmul, "G3", { ...call, dst: sbuf([2, 3]) }, overwrite);
});

test("nc_matmul C12: a scattered dst has its index beside the input", () => {
  const scattered = {
    dynamic: "indirect",
    index: sbuf([2, 1], "uint16", undefined, { start: 32 }),
  } as const;
  breaks(
    ncMatmul,
    "C12",
    { ...call, dst: psum([2, 3], "float32", undefined, scattered) },
    overwrite,
    { generation: 4 },
  );
});
