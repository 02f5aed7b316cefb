import type { OpenTrnError } from "@opentrn/base";
import { describe, expect, test } from "vitest";
import { wholeTensor } from "./create.ts";
import { DynamicSlice } from "./indexing.ts";
import { Register } from "./register.ts";
import type { Tensor } from "./tensor.ts";

const sbuf = (...shape: number[]): Tensor => wholeTensor(0, "t", shape, "float32", "sbuf");
const hbm = (...shape: number[]): Tensor => wholeTensor(1, "h", shape, "float32", "shared_hbm");

/** Offsets of every element over the storage, in the view's order, counted from patterns alone. */
function elements(t: Tensor): number[] {
  let all = [t.offset];
  t.shape.forEach((n, d) => {
    all = all.flatMap((base) => Array.from({ length: n }, (_, i) => base + i * t.strides[d]!));
  });
  return all;
}

const rule = (body: () => unknown): string => {
  try {
    body();
  } catch (e) {
    return `${(e as OpenTrnError).rule}: ${(e as OpenTrnError).message}`;
  }
  return "nothing was wrong";
};

describe("indexing", () => {
  test("on chip an integer keeps the partition and at least two dimensions", () => {
    const t = sbuf(64, 8, 8);
    expect(t.slice(0, 0, 3).shape).toEqual([1, 1]);
    expect(t.slice(":", 0).shape).toEqual([64, 8]);
    expect(t.slice(":", 0, 3).shape).toEqual([64, 1]);
    expect(t.slice([0, 32], "...", [0, 8, 2]).shape).toEqual([32, 8, 4]);
    expect(t.slice(3).operandPattern()).toMatchObject({ partition: 3, offset: 0 });
    expect(t.slice(":", 1, 3).operandPattern()).toMatchObject({ partition: 0, offset: 11 });
  });

  test("in HBM an integer drops its dimension", () => {
    const t = hbm(4, 6, 8);
    expect(t.slice(1, 2).shape).toEqual([8]);
    expect(t.slice(1, 2).offset).toBe(64);
    expect(t.slice(-1, -1, -1).shape).toEqual([1]);
    expect(t.slice(-1, -1, -1).offset).toBe(191);
    expect(t.slice("...", [-3, -1]).shape).toEqual([4, 6, 2]);
  });

  test("bounds", () => {
    expect(rule(() => hbm(4, 4).slice(4))).toMatch(
      /tensor bounds: .*index 4 is outside dimension 0/,
    );
    expect(rule(() => hbm(4, 4).slice([2, 5]))).toMatch(/slice 2:5 is outside: dimension 0 has 4/);
    expect(rule(() => hbm(4, 4).slice([2, 2]))).toMatch("empty");
    expect(rule(() => hbm(4, 4).slice([0, 4, 0]))).toMatch("step 0");
    expect(rule(() => hbm(4, 4).slice(0, 0, 0))).toMatch("3 indices for a tensor of 2");
    expect(rule(() => hbm(4, 4).slice("...", "..."))).toMatch("at most one");
    expect(rule(() => hbm(4, 4).slice([0, 1.5]))).toMatch("not made of integers");
  });

  test("a run-time start keeps the range of indices that stay inside", () => {
    const t = hbm(16, 8).slice(new DynamicSlice(new Register(5), 4));
    expect(t.shape).toEqual([4, 8]);
    expect(t.operandPattern().dynamic).toEqual({
      kind: "register",
      register: 5,
      stride: 8,
      limit: 13,
    });
    expect(rule(() => sbuf(16, 8).slice(new DynamicSlice(new Register(5), 4)))).toMatch(
      "partition",
    );
    expect(rule(() => t.slice(new DynamicSlice(new Register(6), 1)))).toMatch("already has");
  });
});

describe("views share memory", () => {
  const t = sbuf(4, 2, 3, 4);
  const all = elements(t);

  test("reshape keeps the order of elements", () => {
    for (const shape of [
      [4, 24],
      [4, 6, 4],
      [4, 2, 12],
      [4, -1, 3, 2],
      [4, 1, 24, 1],
    ])
      expect(elements(t.reshape(shape))).toEqual(all);
    expect(elements(t.flattenDims(1, 2))).toEqual(all);
    expect(elements(t.reshapeDim(3, [2, -1]))).toEqual(all);
    expect(elements(t.expandDim(1).squeezeDim(1))).toEqual(all);
  });

  test("reshape of a slice works where strides merge and stops where not", () => {
    const part = t.slice(":", ":", ":", [0, 2]);
    expect(elements(part.reshape([4, 6, 2]))).toEqual(elements(part));
    expect(rule(() => part.reshape([4, 12]))).toMatch("do not merge");
    expect(rule(() => t.reshape([2, 48]))).toMatch("changes dimension 0");
    expect(rule(() => t.reshape([4, 25]))).toMatch("does not hold its 96 elements");
  });

  test("permute reorders and broadcast repeats", () => {
    const p = sbuf(2, 2, 3).permute([0, 2, 1]);
    expect(p.shape).toEqual([2, 3, 2]);
    expect(elements(p)).toEqual([0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11]);
    expect(rule(() => p.permute([1, 0, 2]))).toMatch("stays first");
    expect(rule(() => p.permute([0, 0, 2]))).toMatch("no order");
    expect(elements(sbuf(1, 1, 2).broadcast(1, 2))).toEqual([0, 1, 0, 1]);
    expect(rule(() => sbuf(1, 2).broadcast(0, 2))).toMatch("free dimension of one");
  });

  test("view scales the last dimension", () => {
    expect(sbuf(2, 4).view("bfloat16").shape).toEqual([2, 8]);
    expect(sbuf(2, 4).view("int32").shape).toEqual([2, 4]);
    const half = wholeTensor(0, "u", [2, 8], "bfloat16", "sbuf");
    expect(half.slice(":", [4, 8]).view("float32").operandPattern()).toMatchObject({
      dtype: "float32",
      offset: 2,
      dims: [
        [1, 2],
        [1, 2],
      ],
    });
    expect(rule(() => half.slice(":", [0, 3]).view("float32"))).toMatch(
      "cannot be seen as float32",
    );
    expect(rule(() => half.slice(":", [0, 8, 2]).view("float32"))).toMatch("contiguous");
    expect(half.slice([1, 2]).view("uint8").offset).toBe(16);
  });

  test("ap addresses the storage and not the view", () => {
    const inner = sbuf(16, 16).slice([8, 16], [4, 8]);
    const outer = inner.ap(
      [
        [16, 16],
        [1, 8],
      ],
      { offset: -8 * 16 - 4 + 8 },
    );
    expect(outer.operandPattern()).toMatchObject({ partition: 0, offset: 8 });
    expect(outer.shape).toEqual([16, 8]);
    expect(
      inner
        .ap([
          [16, 2],
          [1, 2],
        ])
        .operandPattern(),
    ).toMatchObject({ partition: 8, offset: 4 });
    expect(
      rule(() =>
        inner.ap([
          [24, 2],
          [1, 8],
        ]),
      ),
    ).toMatch("partition step is 24");
    const cast = sbuf(8, 16).ap(
      [
        [32, 8],
        [1, 32],
      ],
      { dtype: "bfloat16" },
    );
    expect(cast.shape).toEqual([8, 32]);
  });
});

describe("run-time indices", () => {
  const index = wholeTensor(2, "i", [1, 1], "int32", "sbuf");
  const rows = wholeTensor(3, "rows", [128, 1], "int32", "sbuf");

  test("select reads one index", () => {
    const t = hbm(4, 128, 8).select(0, index);
    expect(t.shape).toEqual([128, 8]);
    expect(t.operandPattern().dynamic).toMatchObject({ kind: "scalar", stride: 1024, limit: 4 });
    expect(rule(() => t.select(0, index))).toMatch("already has a run-time index");
    expect(rule(() => sbuf(4, 8).select(0, index))).toMatch("partitions take no");
    expect(rule(() => hbm(4, 8).select(0, rows))).toMatch("one element in sbuf");
  });

  test("vectorSelect reads one row per partition", () => {
    const t = hbm(64, 16).vectorSelect(0, rows);
    expect(t.shape).toEqual([128, 16]);
    expect(t.operandPattern().dynamic).toMatchObject({ kind: "vector", stride: 16, limit: 64 });
    expect(rule(() => sbuf(64, 16).vectorSelect(0, rows))).toMatch("rows (dimension 0) of an HBM");
    expect(rule(() => t.view("bfloat16"))).toMatch("already has");
    expect(rule(() => t.slice([0, 4]))).toMatch("run-time");
    expect(t.slice(":", [0, 4]).shape).toEqual([128, 4]);
  });

  test("ap with offsets limits indices to the storage", () => {
    const t = hbm(512, 512).ap(
      [
        [512, 128],
        [1, 256],
      ],
      { scalarOffset: index, indirectDim: 0 },
    );
    expect(t.operandPattern().dynamic).toMatchObject({ kind: "scalar", stride: 512, limit: 385 });
    const v = hbm(512, 64).ap(
      [
        [64, 128],
        [1, 64],
      ],
      { vectorOffset: rows },
    );
    expect(v.operandPattern().dynamic).toMatchObject({ kind: "vector", stride: 64, limit: 512 });
    expect(rule(() => hbm(4, 4).ap([[4, 4]], { scalarOffset: index, vectorOffset: rows }))).toMatch(
      "not both",
    );
  });
});
