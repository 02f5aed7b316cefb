/** nc_matmul_mx and quantize_mx against the meanings of their records, scales from every part of their range. */
import { type AnyCall, instructionNamed, type OperandData } from "@opentrn/isa";
import { type DType, decode, encode } from "@opentrn/numerics";
import { describe, expect, it } from "vitest";
import { Bench, type Strided } from "../test-support/strided.ts";

const bench = new Bench(11);
const { random, arena, exports } = bench;
const packed = ["float8_e4m3fn_x4", "float8_e5m2_x4", "float4_e2m1fn_x4"] as const;
const [multiply, quantize] = ["nc_matmul_mx", "quantize_mx"].map((n) => instructionNamed(n)!);

const bitsOf = (t: Strided): Uint32Array =>
  Uint32Array.from({ length: t.size }, (_, i) => t.bits(i));
const tileOf = (t: Strided) => {
  const shape = t.operand.dims.map((d) => d[1]);
  return { dtype: t.dtype, partitions: shape[0]!, free: t.size / shape[0]!, shape };
};

/** What the record makes of the operands; `read` holds their contents, results replace the entry of what is written. */
function evaluate(
  op: typeof multiply,
  tiles: Readonly<Record<string, Strided>>,
  read: Record<string, OperandData>,
  attr: Readonly<Record<string, unknown>> = {},
): void {
  const tile = Object.fromEntries(Object.entries(tiles).map(([n, t]) => [n, tileOf(t)]));
  op!.evaluate(read, { tile, attr } as unknown as AnyCall as never, undefined as never);
}

/** Random packed values; scales near 1, anywhere, or any byte (NaN included). */
function fill(t: Strided, draw: () => number): Strided {
  for (let i = 0; i < t.size; i++) t.setBits(i, draw());
  return t;
}
const scaleDraws = {
  "near 1": () => 117 + random.below(20),
  "large and small": () => random.below(255),
  "with NaN": () => (random.below(60) ? 120 + random.below(10) : 255),
} as const;

describe("nc_matmul_mx", () => {
  for (const left of packed)
    for (const right of packed)
      for (const [name, draw] of Object.entries(scaleDraws))
        it(`${left} times ${right}, scales ${name}`, () => {
          for (const accumulate of [false, true]) {
            bench.reset();
            const [K, M] = [32 * (1 + random.below(4)), 2 * (1 + random.below(12))];
            const N = random.below(2) ? 1 + random.below(30) : 250 + random.below(60);
            const zeros = random.below(2) === 0;
            const draws = (dtype: DType, size: number): Strided =>
              fill(bench.array(dtype, [K, size]), () => (zeros ? 0 : random.u32()));
            const tiles = {
              dst: bench.fill(bench.array(random.below(2) ? "float32" : "bfloat16", [M, N]), true),
              stationary: draws(left, M),
              moving: fill(bench.array(right, [K, N]), () => random.u32()),
              stationary_scale: fill(bench.array("uint8", [K, M]), draw),
              moving_scale: fill(bench.array("float8_e8m0fnu", [K, N]), draw),
            };
            const read: Record<string, OperandData> = {
              dst: Float32Array.from(tiles.dst.values()),
              stationary: bitsOf(tiles.stationary),
              moving: bitsOf(tiles.moving),
              stationary_scale: bitsOf(tiles.stationary_scale),
              moving_scale: bitsOf(tiles.moving_scale),
            };
            evaluate(multiply, tiles, read, { accumulate });
            const [d, s, m, a, b] = Object.values(tiles).map((t) => arena.operand(t.operand));
            bench.expectWrites(
              () => exports.matmulMx(d!, s!, m!, a!, b!, accumulate ? 1 : 0),
              [tiles.dst, Array.from(read["dst"]!, (v) => encode(v, tiles.dst.dtype))],
            );
          }
        });

  it("counts k over partitions first, then over the four packed elements", () => {
    bench.reset();
    const [one, two] = [encode(1, "float8_e4m3fn"), encode(2, "float8_e4m3fn")];
    const s = fill(bench.array("float8_e4m3fn_x4", [32, 2], false), () => one * 0x01010101);
    const m = fill(bench.array("float8_e4m3fn_x4", [32, 1], false), () => two << 8);
    const scale = fill(bench.array("uint8", [32, 2], false), () => 128);
    const narrow = fill(bench.array("uint8", [32, 1], false), () => 127);
    const dst = bench.fill(bench.array("float32", [2, 1], false));
    const [d, a, b, c, e] = [dst, s, m, scale, narrow].map((t) => arena.operand(t.operand));
    expect(exports.matmulMx(d!, a!, b!, c!, e!, 0)).toBe(0);
    expect([...dst.values()]).toEqual([128, 128]);
  });
});

describe("quantize_mx", () => {
  for (const dtype of ["float8_e4m3fn_x4", "float8_e5m2_x4"] as const)
    for (const from of ["bfloat16", "float16"] as const)
      it(`${from} to ${dtype}`, () => {
        for (let round = 0; round < 12; round++) {
          bench.reset();
          const [P, columns] = [
            32 * (1 + random.below(3)),
            1 + random.below(round === 0 ? 200 : 40),
          ];
          const tiles = {
            dst: fill(bench.array(dtype, [P, columns]), () => random.u32()),
            src: bench.fill(bench.array(from, [P, 4 * columns]), round % 2 === 0),
            dst_scale: bench.fill(bench.array("uint8", [P, columns])),
          };
          const read: Record<string, OperandData> = {
            dst: new Uint32Array(tiles.dst.size),
            src: Float32Array.from(bitsOf(tiles.src), (b) => decode(b, from)),
            dst_scale: bitsOf(tiles.dst_scale),
          };
          evaluate(quantize, tiles, read);
          const [d, s, c] = Object.values(tiles).map((t) => arena.operand(t.operand));
          bench.expectWrites(
            () => exports.quantizeMx(d!, s!, c!),
            [tiles.dst, [...read["dst"]!]],
            [tiles.dst_scale, [...read["dst_scale"]!]],
          );
        }
      });
});
