import { describe, expect, it } from "vitest";
import { bitsOfF32, decode, encode, integerOf } from "./convert.ts";
import { type DType, dtypeInfo, dtypeNames } from "./dtype.ts";

const narrow = dtypeNames.filter(
  (d) => dtypeInfo[d].bytes <= 2 && dtypeInfo[d].kind !== "packed" && d !== "bool_",
);

describe("stored types of at most 16 bits", () => {
  for (const d of narrow)
    it(`${d}: every pattern survives decode and encode, NaN becomes the one NaN`, () => {
      const patterns = 2 ** (8 * dtypeInfo[d].bytes);
      const nan = encode(Number.NaN, d);
      let wrong = 0;
      for (let bits = 0; bits < patterns; bits++) {
        const x = decode(bits, d);
        const back = encode(x, d);
        if (Number.isNaN(x) ? back !== nan : back !== bits) wrong++;
      }
      expect(wrong).toBe(0);
    });

  for (const d of narrow.filter((n) => dtypeInfo[n].kind === "float" && n !== "float8_e8m0fnu"))
    it(`${d}: halfway between neighbours rounds to the even pattern, a hair off goes to the nearer`, () => {
      const t = dtypeInfo[d];
      const positive = 2 ** (t.exponent! + t.mantissa!);
      let wrong = 0;
      for (let bits = 0; bits + 1 < positive; bits++) {
        const [a, b] = [decode(bits, d), decode(bits + 1, d)];
        if (!Number.isFinite(a) || !Number.isFinite(b)) continue;
        const mid = (a + b) / 2;
        const even = bits % 2 === 0 ? bits : bits + 1;
        if (encode(mid, d) !== even) wrong++;
        const above = mid + (b - a) / 8;
        if (encode(above, d) !== bits + 1) wrong++;
        if (encode(-(mid - (b - a) / 8), d) !== bits + positive) wrong++;
      }
      expect(wrong).toBe(0);
    });
});

describe("edges", () => {
  const rows: [DType, number, number][] = [
    ["bfloat16", 3.3895313892515355e38, 0x7f7f],
    ["bfloat16", 3.4e38, 0x7f80],
    ["bfloat16", -0, 0x8000],
    ["float16", 65504, 0x7bff],
    ["float16", 65520, 0x7c00],
    ["float16", 2 ** -24, 0x0001],
    ["float16", 2 ** -25, 0x0000],
    ["float8_e4m3", 240, 0x77],
    ["float8_e4m3", 248, 0x78],
    ["float8_e4m3fn", 448, 0x7e],
    ["float8_e4m3fn", 480, 0x7f],
    ["float8_e5m2", 57344, 0x7b],
    ["int8", 127.5, 127],
    ["int8", -1000, 0x80],
    ["uint8", -3, 0],
    ["uint8", 2.5, 2],
    ["uint8", 3.5, 4],
    ["int32", 2147483648, 0x7fffffff],
    ["uint32", 4294967296, 0xffffffff],
    ["tfloat32", 1.0009765625, 0x3f802000],
    ["tfloat32", 1.00048828125, 0x3f800000],
    ["float32", Number.NaN, 0x7fc00000],
  ];
  for (const [d, x, bits] of rows)
    it(`${x} as ${d} is 0x${bits.toString(16)}`, () => {
      expect(encode(x, d).toString(16)).toBe(bits.toString(16));
    });
  it("integers beyond 2^24 lose bits on the way through fp32, not when read raw", () => {
    expect(decode(16777217, "int32")).toBe(16777216);
    expect(integerOf(16777217, "int32")).toBe(16777217);
    expect(integerOf(0xffffffff, "int32")).toBe(-1);
  });
  it("bit patterns of fp32", () => {
    expect(bitsOfF32(1)).toBe(0x3f800000);
  });
});
