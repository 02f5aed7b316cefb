import { type DType, encode, matmul } from "@opentrn/numerics";
import { describe, expect, it } from "vitest";
import { Bench, convertible, type Strided, stored } from "../test-support/strided.ts";

const bench = new Bench(3);
const { random, arena, exports } = bench;
const floats: DType[] = [
  "float32",
  "bfloat16",
  "float16",
  "tfloat32",
  "float8_e4m3",
  "float8_e4m3fn",
  "float8_e5m2",
];

/** The PSUM tile after the instruction. */
function expected(
  dst: Strided,
  k: number,
  stationary: Strided,
  moving: Strided,
  accumulate: boolean,
): number[] {
  const [m, n] = [stationary.size / k, moving.size / k];
  const sums = matmul(
    Float32Array.from(stationary.values()),
    Float32Array.from(moving.values()),
    k,
    m,
    n,
  );
  const old = dst.values();
  return stored(
    [...sums].map((x, i) => (accumulate ? Math.fround(old[i]! + x) : x)),
    dst.dtype,
  );
}

function check(
  a: Strided,
  b: Strided,
  dst: Strided,
  k: number,
  contracted: number,
  accumulate: boolean,
): void {
  const [d, s, m] = [dst, a, b].map((t) => arena.operand(t.operand));
  bench.expectWrites(
    () => exports.matmul(d!, s!, m!, contracted, accumulate ? 1 : 0),
    [dst, expected(dst, k, a, b, accumulate)],
  );
}

describe("nc_matmul", () => {
  for (const left of floats)
    for (const right of floats)
      it(`${left} times ${right}`, () => {
        for (let round = 0; round < 6; round++) {
          bench.reset();
          const [k, m, n] = [1 + random.below(40), 1 + random.below(20), 1 + random.below(50)];
          const plain = round % 2 === 0;
          const a = bench.fill(bench.array(left, [k, m], plain ? false : undefined), plain);
          const b = bench.fill(bench.array(right, [k, n], plain ? false : undefined), plain);
          const dst = bench.fill(
            plain ? bench.tile("float32", m, n) : bench.array("float32", [m, n]),
          );
          check(a, b, dst, k, 1, random.below(2) === 1);
        }
      });

  it("few columns on one side, whose other side is read where it lies", () => {
    const types: DType[] = ["bfloat16", "float32"];
    for (const [k, m, n] of [
      [128, 1, 512],
      [77, 4, 33],
      [128, 3, 100],
      [1, 2, 32],
      [128, 128, 1],
      [64, 50, 1],
      [3, 32, 1],
    ] as const)
      for (const left of types)
        for (const right of types)
          for (const accumulate of [false, true]) {
            bench.reset();
            const a = bench.fill(bench.tile(left, k, m), !accumulate);
            const b = bench.fill(bench.tile(right, k, n), !accumulate);
            const dst = bench.fill(bench.tile(random.pick(["float32", "bfloat16"]), m, n), true);
            check(a, b, dst, k, 1, accumulate);
          }
  });

  it("full size, and more columns than are packed at once", () => {
    for (const [k, m, n] of [
      [128, 128, 512],
      [128, 64, 520],
      [33, 5, 1100],
      [128, 1, 3],
    ] as const) {
      bench.reset();
      const a = bench.fill(bench.tile("bfloat16", k, m), true);
      const b = bench.fill(bench.tile("bfloat16", k, n), true);
      check(a, b, bench.fill(bench.tile("float32", m, n), true), k, 1, true);
    }
  });

  it("contracts partition and row pair for double_row, and rounds to bfloat16", () => {
    bench.reset();
    const a = bench.fill(bench.array("float8_e4m3", [24, 2, 9], false), true);
    const b = bench.fill(bench.array("float8_e5m2", [24, 2, 17], false), true);
    check(a, b, bench.fill(bench.tile("bfloat16", 9, 17), true), 48, 2, false);
    check(a, b, bench.fill(bench.tile("bfloat16", 9, 17), true), 48, 2, true);
  });

  it("does not fuse where a bfloat16 product could overflow or lose bits", () => {
    // 2^-75 squared is below the last subnormal: unfused it vanishes, fused it could decide a tie.
    const extremes = [
      2 ** -75,
      -(2 ** -75),
      2 ** -74 * 1.5,
      2 ** 64,
      -(2 ** 64),
      1.0078125,
      3e38,
      2 ** -133,
    ];
    for (let round = 0; round < 30; round++) {
      bench.reset();
      const a = bench.tile("bfloat16", 12, 4);
      const b = bench.tile("bfloat16", 12, 8);
      for (const t of [a, b])
        for (let i = 0; i < t.size; i++) t.setBits(i, encode(random.pick(extremes), "bfloat16"));
      check(a, b, bench.tile("float32", 4, 8), 12, 1, false);
    }
  });

  it("reads its inputs before it writes, where they overlap", () => {
    bench.reset();
    const b = bench.fill(bench.tile("float32", 16, 16), true);
    check(b, b, b, 16, 1, false);
  });

  it("refuses a contraction that does not agree", () => {
    bench.reset();
    const [a, b] = [bench.tile("float32", 3, 4), bench.tile("float32", 4, 4)].map((t) =>
      arena.operand(t.operand),
    );
    expect(exports.matmul(b!, a!, b!, 1, 0)).toBe(2);
  });
});

describe("transpose", () => {
  it("turns tiles of every width, dense or not, bit by bit", () => {
    for (let round = 0; round < 200; round++) {
      bench.reset();
      const dtype = random.pick(convertible);
      const [p, f] = [1 + random.below(40), 1 + random.below(40)];
      const dense = round % 2 === 0;
      const src = bench.fill(dense ? bench.tile(dtype, p, f) : bench.array(dtype, [p, f]));
      const dst = dense ? bench.tile(dtype, f, p) : bench.array(dtype, [f, p]);
      const turned = Array.from({ length: p * f }, (_, i) =>
        src.bits((i % p) * f + Math.floor(i / p)),
      );
      const [d, s] = [arena.operand(dst.operand), arena.operand(src.operand)];
      bench.expectWrites(() => exports.transpose(d, s), [dst, turned]);
    }
  });

  it("puts bytes into 16-bit cells with a zero high byte", () => {
    bench.reset();
    const src = bench.fill(bench.tile("float8_e4m3", 7, 9));
    const dst = bench.tile("uint16", 9, 7);
    const turned = Array.from({ length: 63 }, (_, i) => src.bits((i % 7) * 9 + Math.floor(i / 7)));
    const [d, s] = [arena.operand(dst.operand), arena.operand(src.operand)];
    bench.expectWrites(() => exports.transpose(d, s), [dst, turned]);
  });
});
