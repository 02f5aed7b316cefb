import { OpenTrnError, Random } from "@opentrn/base";
import { dtypeInfo, dtypeNames } from "@opentrn/numerics";
import { describe, expect, test } from "vitest";
import { memorySource } from "./byte-source.ts";
import { twoTensorsSafetensors } from "./numpy-made.fixture.ts";
import { readSafetensors, safetensorsKeys, writeSafetensors } from "./safetensors.ts";
import { type TensorData, valuesOf } from "./tensor.ts";

const source = (bytes: Uint8Array) => memorySource("m.safetensors", bytes);
function file(header: string, data = 0, declared = header.length): Uint8Array {
  const out = new Uint8Array(8 + header.length + data);
  new DataView(out.buffer).setBigUint64(0, BigInt(declared), true);
  out.set(new TextEncoder().encode(header), 8);
  return out;
}
const one = (dtype: string, shape: string, offsets: string): string =>
  `{"t":{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}}`;

test("a file made by safetensors", () => {
  expect(safetensorsKeys(source(twoTensorsSafetensors))).toEqual(["w", "b"]);
  const w = readSafetensors(source(twoTensorsSafetensors), "w");
  expect([w.dtype, w.shape, [...valuesOf(w)]]).toEqual([
    "bfloat16",
    [2, 3],
    [0, 0.5, 1, 1.5, 2, 2.5],
  ]);
  expect([...valuesOf(readSafetensors(source(twoTensorsSafetensors), "b"))]).toEqual([1, 2]);
});

test("every type survives, including those the format has no name for", () => {
  const random = new Random(5);
  const tensors: Record<string, TensorData> = {};
  for (const dtype of dtypeNames) {
    const bytes = new Uint8Array(6 * dtypeInfo[dtype].bytes);
    for (let i = 0; i < bytes.length; i++) bytes[i] = random.below(256);
    tensors[`t.${dtype}`] = { dtype, shape: [2, 3], bytes };
  }
  const written = writeSafetensors(tensors);
  for (const [key, t] of Object.entries(tensors))
    expect(readSafetensors(source(written), key), key).toEqual(t);
});

describe("corrupt and hostile files", () => {
  const two = (a: string, b: string): string =>
    `{"a":{"dtype":"U8","shape":[4],"data_offsets":${a}},"b":{"dtype":"U8","shape":[4],"data_offsets":${b}}}`;
  const cases: readonly [string, Uint8Array, RegExp][] = [
    ["empty", new Uint8Array(3), /has 3 bytes/],
    ["header longer than the file", file("{}", 0, 1000), /header of 1000 bytes, at most 2/],
    ["header of 2^63", file("{}", 0, 2 ** 62), /header of 4611686018427387904/],
    ["no JSON", file("{]"), /no JSON/],
    ["no object", file("[1]"), /no JSON object/],
    ["unknown type", file(one("F3", "[1]", "[0,1]"), 1), /type "F3"; known are BOOL/],
    ["prototype as type", file(one("toString", "[1]", "[0,1]"), 1), /type "toString"/],
    ["negative shape", file(one("F32", "[-1]", "[0,4]"), 4), /shape \[-1\]/],
    ["fractional shape", file(one("F32", "[0.5]", "[0,2]"), 4), /shape \[0.5\]/],
    ["wrong range", file(one("F32", "[2]", "[0,4]"), 4), /needs 8 bytes, its range has 4/],
    ["reversed range", file(one("F32", "[1]", "[4,0]"), 4), /data_offsets \[4,0\]/],
    ["truncated data", file(one("F32", "[2]", "[0,8]"), 4), /ends at byte 8 of 4/],
    ["overlap", file(two("[0,4]", "[2,6]"), 6), /b starts at byte 2, inside/],
    ["gap", file(two("[0,4]", "[6,10]"), 10), /bytes 4 to 6 before tensor b/],
    ["trailing bytes", file(two("[0,4]", "[4,8]"), 9), /take 8 bytes, the file holds 9/],
  ];
  for (const [what, bytes, message] of cases)
    test(what, () => {
      expect(() => readSafetensors(source(bytes), "t")).toThrow(message);
      expect(() => readSafetensors(source(bytes), "t")).toThrow(OpenTrnError);
    });
  test("missing and unnamed tensors", () => {
    expect(() => readSafetensors(source(twoTensorsSafetensors), "x")).toThrow("it has w, b");
    expect(() => readSafetensors(source(twoTensorsSafetensors))).toThrow("holds 2 tensors");
  });
  test("flipped bytes never escape as another kind of error", () => {
    const random = new Random(9);
    for (let i = 0; i < 2000; i++) {
      const bytes = twoTensorsSafetensors.slice();
      for (let k = 0; k < 2; k++) bytes[random.below(bytes.length)] = random.below(256);
      try {
        readSafetensors(source(bytes), "w");
      } catch (error) {
        expect(error).toBeInstanceOf(OpenTrnError);
      }
    }
  });
});

test("notes go into the metadata and change no tensor", () => {
  const t: TensorData = { dtype: "float8_e4m3", shape: [1], bytes: Uint8Array.of(7) };
  const written = writeSafetensors({ t }, { format: "pt" });
  expect(new TextDecoder().decode(written)).toContain(
    '"__metadata__":{"format":"pt","opentrn.dtype.t":"float8_e4m3"}',
  );
  expect(readSafetensors(source(written), "t")).toEqual(t);
});
