import { Random } from "@opentrn/base";
import { describe, expect, it } from "vitest";
import { decode, encode } from "../convert.ts";
import { dtypeInfo, dtypeNames } from "../dtype.ts";
import { encodeStochastic, roundStochastic } from "./round.ts";

const narrow = dtypeNames.filter((d) => {
  const { kind, mantissa } = dtypeInfo[d];
  return kind === "float" && mantissa! > 0 && mantissa! < 23;
});

describe("stochastic rounding", () => {
  for (const d of narrow)
    it(`${d}: goes to a neighbour, up exactly when the random word is below the fraction`, () => {
      const random = new Random(11);
      for (let i = 0; i < 2000; i++) {
        const x = Math.fround(random.normal() * 2 ** (random.below(20) - 12));
        const low = roundStochastic(x, d, 0xffffffff);
        const high = roundStochastic(x, d, 0);
        if (!Number.isFinite(low)) continue;
        expect(Math.abs(low)).toBeLessThanOrEqual(Math.abs(x));
        expect(Math.abs(high)).toBeGreaterThanOrEqual(Math.abs(x));
        if (!Number.isFinite(high)) continue;
        const fraction = high === low ? 0 : (x - low) / (high - low);
        const threshold = Math.floor(fraction * 2 ** 32);
        if (threshold > 0) expect(roundStochastic(x, d, threshold - 1)).toBe(high);
        expect(roundStochastic(x, d, threshold)).toBe(threshold === 0 && high === low ? x : low);
      }
    });

  it("leaves exact values, fp32, integers and non-finite values to the nearest rule", () => {
    expect(encodeStochastic(1, "bfloat16", 0)).toBe(0x3f80);
    expect(encodeStochastic(1.7, "float32", 0)).toBe(encode(1.7, "float32"));
    expect(encodeStochastic(1.7, "int8", 0)).toBe(2);
    expect(encodeStochastic(Number.NaN, "bfloat16", 5)).toBe(0x7fc0);
    expect(encodeStochastic(Number.POSITIVE_INFINITY, "float16", 5)).toBe(0x7c00);
  });

  it("is unbiased over all random words of its resolution", () => {
    // 1 + 3/8 of a bfloat16 step: three of eight equally spaced words round up.
    const x = 1 + (3 / 8) * 2 ** -7;
    let ups = 0;
    for (let i = 0; i < 8; i++)
      ups += decode(encodeStochastic(x, "bfloat16", i * 2 ** 29), "bfloat16") > x ? 1 : 0;
    expect(ups).toBe(3);
  });
});
