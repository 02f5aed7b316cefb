/** Products on the chip against the interpreter: layouts, sizes, types, and a fuzz of all of them together. */
import { Random } from "@opentrn/base";
import { type Chip, chipNamed } from "@opentrn/chips";
import type * as ir from "@opentrn/ir";
import { describe, expect, test } from "vitest";
import { contractionOf, type Dot, dotOf, excess } from "./testing.ts";

const cases: Readonly<Record<string, Dot>> = {
  "K-minor both: y = x w^T": { left: [37, 130], right: [65, 130], contracting: [[1], [1]] },
  "K-minor left: dx = dy w": { left: [140, 70], right: [70, 33], contracting: [[1], [0]] },
  "K-major both: dw = dy^T x": { left: [200, 130], right: [200, 50], contracting: [[0], [0]] },
  "K-major left": { left: [129, 40], right: [20, 129], contracting: [[0], [1]] },
  "one element": { left: [1, 1], right: [1, 1], contracting: [[1], [1]] },
  "one row": { left: [1, 300], right: [600, 300], contracting: [[1], [1]] },
  "one column": { left: [300, 257], right: [1, 257], contracting: [[1], [1]] },
  vectors: { left: [513], right: [513], contracting: [[0], [0]] },
  "outer product": { left: [5], right: [7], contracting: [[], []] },
  "K of one": { left: [33, 1], right: [1, 65], contracting: [[1], [0]] },
  "matrix and vector": { left: [130, 70], right: [70], contracting: [[1], [0]] },
  batches: {
    left: [3, 20, 40],
    right: [3, 30, 40],
    batching: [[0], [0]],
    contracting: [[2], [2]],
  },
  "heads: [b, n, h, d] with [b, m, h, d]": {
    left: [2, 17, 3, 16],
    right: [2, 19, 3, 16],
    batching: [
      [0, 2],
      [0, 2],
    ],
    contracting: [[3], [3]],
  },
  "two free dimensions that merge": { left: [4, 9, 33], right: [10, 33], contracting: [[2], [1]] },
  "free dimensions around K": { left: [4, 33, 9], right: [33, 10], contracting: [[1], [0]] },
  "two contracting dimensions that merge": {
    left: [5, 6, 50],
    right: [5, 6, 20],
    contracting: [
      [0, 1],
      [0, 1],
    ],
  },
  "contracting dimensions in another order": {
    left: [5, 40, 12],
    right: [12, 40, 7],
    contracting: [
      [1, 2],
      [1, 0],
    ],
  },
  "contracting dimensions that do not merge": {
    left: [200, 3, 5],
    right: [200, 4, 5],
    contracting: [
      [0, 2],
      [0, 2],
    ],
  },
  bfloat16: { left: [70, 200], right: [90, 200], contracting: [[1], [1]], dtype: "bfloat16" },
  "bfloat16 to float32": {
    left: [70, 200],
    right: [200, 90],
    contracting: [[1], [0]],
    dtype: "bfloat16",
    result: "float32",
  },
  float16: { left: [70, 200], right: [90, 200], contracting: [[1], [1]], dtype: "float16" },
  "float8_e4m3, one tile and pairs": {
    left: [30, 650],
    right: [650, 40],
    contracting: [[1], [0]],
    dtype: "float8_e4m3",
    result: "bfloat16",
  },
  "float8_e4m3 with K contiguous on both sides": {
    left: [130, 600],
    right: [70, 600],
    contracting: [[1], [1]],
    dtype: "float8_e4m3",
    result: "float32",
  },
  "float8_e4m3 with an odd K contiguous": {
    left: [30, 131],
    right: [20, 131],
    contracting: [[1], [1]],
    dtype: "float8_e4m3",
    result: "float32",
  },
  "K of even tiles": {
    left: [260, 320],
    right: [96, 320],
    contracting: [[1], [1]],
    dtype: "bfloat16",
  },
  float8_e5m2: {
    left: [256, 30],
    right: [256, 40],
    contracting: [[0], [0]],
    dtype: "float8_e5m2",
    result: "float32",
  },
  "several blocks of everything": {
    left: [260, 40],
    right: [1100, 40],
    contracting: [[1], [1]],
    dtype: "bfloat16",
  },
};

test.each(Object.entries(cases))("%s", (_, dot) => {
  const { template, worst } = excess(dotOf(dot), contractionOf(dot));
  expect(template).toBe("matmul");
  expect(worst).toBeLessThanOrEqual(1);
});

/** A chip whose SBUF holds little, so that small products are cut up as large ones are. */
const small = (kib: number): Chip => {
  const trn2 = chipNamed("trn2");
  const { usableBytesPerPartition: most } = trn2.sbuf;
  return {
    ...trn2,
    sbuf: { ...trn2.sbuf, usableBytesPerPartition: { ...most, value: kib * 1024 } },
  };
};

test("operands that SBUF does not hold: whole blocks, and blocks of K with sums that wait", () => {
  const dot: Dot = {
    left: [130, 6000],
    right: [20, 6000],
    contracting: [[1], [1]],
    dtype: "bfloat16",
  };
  const ways = [8, 64].map((kib) => {
    const { worst, program } = excess(dotOf(dot), contractionOf(dot), {}, small(kib));
    expect(worst).toBeLessThanOrEqual(1);
    return program.classes.some((c) => c.op.name === "tensor_tensor") ? "blocks of K" : "whole";
  });
  expect(new Set(ways)).toEqual(new Set(["blocks of K", "whole"]));
});

test.each(["trn1", "inf2", "trn2", "trn3"])("on %s", (name) => {
  const dot: Dot = {
    left: [150, 270],
    right: [600, 270],
    contracting: [[1], [1]],
    dtype: "bfloat16",
  };
  const { worst } = excess(dotOf(dot), contractionOf(dot), {}, chipNamed(name));
  expect(worst).toBeLessThanOrEqual(1);
});

/** A random product: dimensions of every kind in any order. */
function randomDot(seed: number): Dot {
  const random = new Random(seed);
  const pick = <T>(values: readonly T[]): T => values[random.below(values.length)]!;
  const size = (): number => pick([1, 2, 3, 5, 17, 31, 64, 129]);
  const [batch, k, l, r] = [
    random.below(3) === 0 ? [pick([2, 3])] : [],
    [size(), ...(random.below(3) === 0 ? [pick([2, 3, 7])] : [])],
    [size(), ...(random.below(3) === 0 ? [pick([2, 5])] : [])],
    [size(), ...(random.below(4) === 0 ? [pick([2, 5])] : [])],
  ];
  const side = (free: readonly number[]) => {
    const parts = [
      ...batch.map((n, i) => ["b", i, n] as const),
      ...k.map((n, i) => ["k", i, n] as const),
      ...free.map((n, i) => ["f", i, n] as const),
    ];
    for (let i = parts.length - 1; i > 0; i--) {
      const j = random.below(i + 1);
      [parts[i], parts[j]] = [parts[j]!, parts[i]!];
    }
    const at = (kind: string, i: number): number =>
      parts.findIndex((p) => p[0] === kind && p[1] === i);
    return { shape: parts.map((p) => p[2]), at };
  };
  const [left, right] = [side(l), side(r)];
  const dims = (kind: string, n: number) =>
    [left, right].map((s) =>
      Array.from({ length: n }, (_, i) => s.at(kind, i)),
    ) as unknown as readonly [readonly number[], readonly number[]];
  const dtype = pick(["float32", "bfloat16", "float16", "float8_e4m3"] as const);
  return {
    left: left.shape,
    right: right.shape,
    batching: dims("b", batch.length),
    contracting: dims("k", k.length),
    dtype,
    result: pick<ir.ElementType>([dtype, "float32", "bfloat16"]),
  };
}

describe("random products", () => {
  test.each(Array.from({ length: 60 }, (_, i) => i + 1))("seed %i", (seed) => {
    const dot = randomDot(seed);
    const { worst } = excess(dotOf(dot), contractionOf(dot));
    expect([dot, worst <= 1 ? "within" : worst]).toEqual([dot, "within"]);
  });
});
