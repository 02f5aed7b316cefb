import { OpenTrnError, Random } from "@opentrn/base";
import { describe, expect, test } from "vitest";
import { memorySource } from "./byte-source.ts";
import { npzKeys, readNpz, writeNpz } from "./npz.ts";
import { compressedNpz, twoArraysNpz } from "./numpy-made.fixture.ts";
import { tensorOf, valuesOf } from "./tensor.ts";

const source = (bytes: Uint8Array) => memorySource("a.npz", bytes);
const edited = (bytes: Uint8Array, at: number, ...values: number[]): Uint8Array => {
  const copy = bytes.slice();
  copy.set(values, at < 0 ? copy.length + at : at);
  return copy;
};
const find = (bytes: Uint8Array, text: string, nth = 0): number => {
  let at = -1;
  const all = Buffer.from(bytes);
  for (let i = 0; i <= nth; i++) at = all.indexOf(text, at + 1, "latin1");
  return at;
};
/** Central directory entries start with PK\1\2. */
const entryAt = (bytes: Uint8Array): number => find(bytes, "PK\u0001\u0002");

test("arrays made by NumPy, stored and deflated", () => {
  expect(npzKeys(source(twoArraysNpz))).toEqual(["a", "i"]);
  expect([...valuesOf(readNpz(source(twoArraysNpz), "a"))]).toEqual([0, 0.5, 1, 1.5, 2, 2.5]);
  expect([...valuesOf(readNpz(source(twoArraysNpz), "i"))]).toEqual([1, -2, 3]);
  const z = readNpz(source(compressedNpz));
  expect([z.shape, valuesOf(z).every((v) => v === 0)]).toEqual([[64, 64], true]);
});

test("what we write reads back and is the same every time", () => {
  const t = { x: tensorOf("float16", [2], [1.5, -2]), y: tensorOf("int32", [1], [2 ** 31 - 1]) };
  const file = writeNpz(t);
  expect(file).toEqual(writeNpz(t));
  expect([...valuesOf(readNpz(source(file), "x"))]).toEqual([1.5, -2]);
  expect([...valuesOf(readNpz(source(file), "y"))]).toEqual([2 ** 31 - 1]);
});

describe("corrupt and hostile archives", () => {
  const e = entryAt(compressedNpz);
  const twice = edited(twoArraysNpz, find(twoArraysNpz, "i.npy", 1), "a".charCodeAt(0));
  const cases: readonly [string, Uint8Array, string | undefined, RegExp][] = [
    ["empty", new Uint8Array(0), "a", /has 0 bytes/],
    ["no zip", new Uint8Array(500), "a", /no zip directory/],
    ["cut off", twoArraysNpz.subarray(0, 400), "a", /no zip directory/],
    ["several arrays and no key", twoArraysNpz, undefined, /2 arrays; name one.*a, i/],
    ["unknown key", twoArraysNpz, "b", /no array "b"; it has a, i/],
    ["claims 3 GiB from 115 bytes", edited(compressedNpz, e + 24, 0, 0, 0, 0xc0), "z", /1040 to 1/],
    ["wrong size", edited(compressedNpz, e + 24, 0x90, 0x40), "z", /damaged/],
    ["wrong checksum", edited(compressedNpz, e + 16, 1), "z", /damaged: its size or CRC-32/],
    ["damaged data", edited(compressedNpz, 60, 0xff, 0xff, 0xff, 0xff), "z", /damaged/],
    ["entry past the end", edited(compressedNpz, e + 42, 0xff, 0xff, 0xff), "z", /lies at bytes/],
    ["directory past the end", edited(compressedNpz, -6, 0xff, 0xff), "z", /directory lies/],
    ["encrypted", edited(compressedNpz, e + 8, 1), "z", /encrypted/],
    ["other compression", edited(compressedNpz, e + 10, 12), "z", /compression 12/],
    ["same name twice", twice, "a", /occurs twice/],
  ];
  for (const [what, bytes, key, message] of cases)
    test(what, () => {
      expect(() => readNpz(source(bytes), key)).toThrow(message);
      expect(() => readNpz(source(bytes), key)).toThrow(OpenTrnError);
    });

  test("total size over the limit", () => {
    expect(() => readNpz(source(compressedNpz), "z", 1000)).toThrow("16512 bytes, at most 1000");
  });
  test("names that point outside", () => {
    for (const name of ["/a.np", "../a.", "b\\..p"]) {
      const at = find(twoArraysNpz, "a.npy", 1);
      const bytes = edited(twoArraysNpz, at, ...new TextEncoder().encode(name));
      expect(() => readNpz(source(bytes), "i"), name).toThrow("outside the archive");
    }
  });
  test("flipped bytes never escape as another kind of error", () => {
    const random = new Random(3);
    for (let i = 0; i < 2000; i++) {
      const bytes = twoArraysNpz.slice();
      for (let k = 0; k < 3; k++) bytes[random.below(bytes.length)] = random.below(256);
      try {
        readNpz(source(bytes), "a");
      } catch (error) {
        expect(error).toBeInstanceOf(OpenTrnError);
      }
    }
  });
});
