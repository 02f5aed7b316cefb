import { expect, test } from "vitest";
import { nextBits, seedGenerators, unitInterval } from "./xorwow.ts";

test("nextBits follows Marsaglia's XORWOW (Xorshift RNGs, 2003) from the paper's starting state", () => {
  // x, y, z, w, v, d of the paper; the expected numbers come from its C code.
  const lane = Uint32Array.of(123456789, 362436069, 521288629, 88675123, 5783321, 6615241);
  expect([nextBits(lane, 0), nextBits(lane, 0), nextBits(lane, 0)]).toEqual([
    246875399, 3690007200, 1264581005,
  ]);
});

test("seedGenerators makes streams differ and repeats for the same seed", () => {
  const [a, b, c] = [new Uint32Array(24), new Uint32Array(24), new Uint32Array(24)];
  seedGenerators(a, 7);
  seedGenerators(b, 7);
  seedGenerators(c, 8);
  expect([...a]).toEqual([...b]);
  expect([...a]).not.toEqual([...c]);
  expect(nextBits(a, 0)).not.toBe(nextBits(a, 1));
});

test("unitInterval keeps 24 bits: below 1 and exact in fp32", () => {
  expect(unitInterval(0xffffffff)).toBe(1 - 2 ** -24);
  expect(unitInterval(0xff)).toBe(0);
});
