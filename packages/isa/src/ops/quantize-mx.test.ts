import { expect, test } from "vitest";
import { scaleFactor, scaleRow, unpacked } from "./mx.ts";
import { quantizeMx } from "./quantize-mx.ts";
import { breaks, build, evaluate, sbuf } from "./testing.ts";

const v4 = { generation: 4 } as const;
const call = (P: number, F: number, values?: number[]) => ({
  dst: sbuf([P, F / 4], "float8_e4m3fn_x4"),
  src: sbuf([P, F], "bfloat16", values),
  dst_scale: sbuf([P, F / 4], "uint8", new Array((P * F) / 4).fill(9)),
});

test("quantize_mx scales 8 partitions x 4 elements by 2^(floor(log2 amax) - 7) for float8_e4m3fn", () => {
  // Group 0: amax 3, scale 2^(1 - 7) = 2^-6; group 3 (partitions 24 to 31): all zero, scale 2^-127.
  const values = new Array<number>(32 * 4).fill(0);
  values[0] = 3;
  values[1] = -0.375;
  values[7 * 4 + 3] = 1;
  values[8 * 4] = 1024;
  const out = evaluate(quantizeMx, call(32, 4, values), {}, v4);
  expect(out["dst_scale"]?.slice(0, 5)).toEqual([127 - 6, 127 + 3, 0, 0, 9]);
  const element = (p: number, j: number) => unpacked(out["dst"]![p]!, "float8_e4m3fn_x4", j);
  expect([element(0, 0), element(0, 1), element(7, 3), element(8, 0)]).toEqual([192, -24, 64, 128]);
});

test("quantize_mx to float8_e5m2 keeps the largest of a group from saturating", () => {
  const target = {
    ...call(32, 4, new Array(128).fill(1.9921875)),
    dst: sbuf([32, 1], "float8_e5m2_x4"),
  };
  const out = evaluate(quantizeMx, target, {}, v4);
  // floor(log2 1.99) - 14 = -14; 1.99 * 2^14 rounds to 2^15, which e5m2 holds.
  expect(out["dst_scale"]?.[0]).toBe(127 - 14);
  expect(unpacked(out["dst"]![0]!, "float8_e5m2_x4", 0)).toBe(2 ** 15);
});

test("quantize_mx loses at most half a unit of three mantissa bits in every group", () => {
  const values = Array.from({ length: 64 * 8 }, (_, i) => Math.sin(i * 1.7) * 2 ** ((i % 9) - 4));
  const tiles = call(64, 8, values);
  const out = evaluate(quantizeMx, tiles, {}, v4);
  for (let p = 0; p < 64; p++)
    for (let f = 0; f < 8; f++) {
      const scale = scaleFactor(out["dst_scale"]![scaleRow(p) * 2 + (f >> 2)]!);
      const back = unpacked(out["dst"]![p * 2 + (f >> 2)]!, "float8_e4m3fn_x4", f % 4) * scale;
      // bfloat16 input is itself rounded by at most 2^-9.
      expect(Math.abs(back - values[p * 8 + f]!)).toBeLessThanOrEqual(
        Math.max(Math.abs(values[p * 8 + f]!) * (2 ** -4 + 2 ** -8), scale * 2 ** -10),
      );
    }
});

test("quantize_mx marks groups that are not finite", () => {
  const values = new Array<number>(128).fill(1);
  values[5] = Number.POSITIVE_INFINITY;
  const out = evaluate(quantizeMx, call(32, 4, values), {}, v4);
  expect(out["dst_scale"]?.slice(0, 2)).toEqual([255, 127 - 7]);
  expect(unpacked(out["dst"]![0]!, "float8_e4m3fn_x4", 0)).toBeNaN();
});

test("quantize_mx C1: whole quadrants", () => {
  breaks(quantizeMx, "C1", call(16, 4), {}, v4);
});

test("quantize_mx C2: dst is a quarter of src", () => {
  breaks(quantizeMx, "C2", { ...call(32, 8), dst: sbuf([32, 8], "float8_e4m3fn_x4") }, {}, v4);
});

test("quantize_mx C3: the scale tile reaches the last group", () => {
  breaks(quantizeMx, "C3", { ...call(64, 4), dst_scale: sbuf([8, 1], "uint8") }, {}, v4);
  build(quantizeMx, { ...call(32, 4), dst_scale: sbuf([4, 1], "uint8") }, {}, v4);
});

test("quantize_mx G2: scales start at 0, 4, 8 or 12 of a quadrant", () => {
  const at = (start: number) => ({
    ...call(32, 4),
    dst_scale: sbuf([4, 1], "float8_e8m0fnu", undefined, { start }),
  });
  build(quantizeMx, at(12), {}, v4);
  breaks(quantizeMx, "G2", at(2), {}, v4);
});

test("quantize_mx G4 and G7: no float4 results, NeuronCore-v4", () => {
  breaks(quantizeMx, "G4", { ...call(32, 4), dst: sbuf([32, 1], "float4_e2m1fn_x4") }, {}, v4);
  breaks(quantizeMx, "G7", call(32, 4));
});
