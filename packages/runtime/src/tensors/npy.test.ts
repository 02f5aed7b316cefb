import { OpenTrnError, Random } from "@opentrn/base";
import { dtypeNames } from "@opentrn/numerics";
import { describe, expect, test } from "vitest";
import { memorySource } from "./byte-source.ts";
import { readNpy, writeNpy } from "./npy.ts";
import { bfloat16Npy, bigEndianNpy, fortranNpy } from "./numpy-made.fixture.ts";
import { chipTensor, tensorOf, valuesOf } from "./tensor.ts";

const a = [0, 0.5, 1, 1.5, 2, 2.5];
const read = (bytes: Uint8Array) => readNpy(memorySource("a.npy", bytes));
/** An npy file with this header text and payload. */
function npy(header: string, payload = 0, version = 1): Uint8Array {
  const text = new TextEncoder().encode(`${header}\n`);
  const out = new Uint8Array(10 + text.length + payload);
  out.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0, text.length & 255, text.length >> 8]);
  out.set(text, 10);
  return out;
}
const header = (descr: string, shape: string): string =>
  `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }`;

describe("files made by NumPy", () => {
  test("Fortran order becomes C order", () => {
    const t = read(fortranNpy);
    expect([t.dtype, t.shape, [...valuesOf(t)]]).toEqual(["float32", [2, 3], a]);
  });
  test("big-endian float64", () => {
    const t = read(bigEndianNpy);
    expect([t.dtype, [...valuesOf(t)]]).toEqual(["float64", a]);
  });
  test("bfloat16 is bits until it is named", () => {
    const t = read(bfloat16Npy);
    expect(t.dtype).toBe("opaque16");
    expect(() => chipTensor(t, undefined, "@a.npy")).toThrow("@a.npy:bfloat16");
    expect([...valuesOf(chipTensor(t, "bfloat16", "@a.npy"))]).toEqual(a);
    expect(() => chipTensor(t, "float8_e5m2", "@a.npy")).toThrow("2-byte elements");
  });
});

test("every type survives a write and a read", () => {
  const random = new Random(1);
  for (const dtype of dtypeNames) {
    const t = { dtype, shape: [3, 5], bytes: new Uint8Array(15 * (readBytes[dtype] ?? 4)) };
    for (let i = 0; i < t.bytes.length; i++) t.bytes[i] = random.below(256);
    // npy has no tfloat32; it is float32 with 13 zero bits.
    if (dtype === "tfloat32")
      for (let i = 0; i < t.bytes.length; i += 4) t.bytes.set([0, t.bytes[i + 1]! & 0xe0], i);
    const back = read(writeNpy(t));
    expect(chipTensor(back, dtype, dtype).bytes, dtype).toEqual(t.bytes);
    expect(back.shape).toEqual(t.shape);
  }
});
const readBytes: Readonly<Record<string, number>> = {
  bool_: 1,
  int8: 1,
  uint8: 1,
  int16: 2,
  uint16: 2,
  float16: 2,
  bfloat16: 2,
  float8_e4m3: 1,
  float8_e4m3fn: 1,
  float8_e5m2: 1,
  float8_e8m0fnu: 1,
  float4_e2m1fn_x4: 2,
};

test("data starts at a multiple of 64 bytes", () => {
  const file = writeNpy(tensorOf("float32", [7], [1, 2, 3, 4, 5, 6, 7]));
  expect((file.length - 28) % 64).toBe(0);
  expect([...valuesOf(read(file))]).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

describe("corrupt files are bad input that says what, value and limit", () => {
  const cases: readonly [string, Uint8Array, RegExp][] = [
    ["empty", new Uint8Array(0), /has 0 bytes.*at least 12/],
    ["another format", new Uint8Array(64), /does not start with/],
    ["future version", npy(header("<f4", "(1,)"), 4, 9), /version 9, 1 to 3/],
    ["header longer than the file", npy(header("<f4", "(1,)")).subarray(0, 40), /header of \d+/],
    ["truncated data", npy(header("<f4", "(2, 3)"), 20), /needs 24 bytes, the file holds 20/],
    ["trailing data", npy(header("<f4", "(2, 3)"), 25), /needs 24 bytes, the file holds 25/],
    ["negative dimension", npy(header("<f4", "(-1,)")), /dimension -1/],
    ["absurd shape", npy(header("<f4", `(${2 ** 40}, ${2 ** 40})`)), /larger than any file/],
    ["shape that is no tuple", npy(header("<f4", "4")), /lacks descr/],
    ["prototype as type", npy(header("<toString", "(1,)")), /toString" elements/],
    ["pickled objects", npy(header("|O", "(1,)"), 8), /"\|O" elements/],
    [
      "structured",
      npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}"),
      /struct/,
    ],
    ["no literal", npy("__import__('os').system('true')"), /not a Python literal/],
    ["nested without end", npy("(".repeat(5000)), /levels of nesting/],
  ];
  for (const [what, bytes, message] of cases)
    test(what, () => {
      expect(() => read(bytes)).toThrow(message);
      expect(() => read(bytes)).toThrow(OpenTrnError);
    });

  test("flipped bytes never escape as another kind of error", () => {
    const random = new Random(7);
    for (let i = 0; i < 2000; i++) {
      const bytes = fortranNpy.slice(0, random.below(fortranNpy.length + 1));
      for (let k = 0; k < 3; k++) bytes[random.below(bytes.length)] = random.below(256);
      try {
        read(bytes);
      } catch (e) {
        expect(e).toBeInstanceOf(OpenTrnError);
      }
    }
  });
});
