import { Random } from "@opentrn/base";
import { type DType, decode, dtypeInfo, dtypeNames, encode } from "@opentrn/numerics";
import { expect, test } from "vitest";
import { narrower } from "./narrow.ts";

const types = dtypeNames.filter((d) => dtypeInfo[d].kind !== "packed");
const same = (dtype: DType, x: number): void => {
  const integer = dtypeInfo[dtype].kind === "int" || dtypeInfo[dtype].kind === "uint";
  const want = encode(integer ? x : Math.fround(x), dtype);
  if (narrower(dtype)(x) !== want)
    expect.fail(`${dtype} of ${x}: ${narrower(dtype)(x)} for ${want}`);
};

test("random values of every size, and special ones", () => {
  const random = new Random(11);
  const special = [
    0,
    -0,
    Number.NaN,
    1 / 0,
    -1 / 0,
    1e-45,
    2 ** -149,
    3.4e38,
    1e39,
    -65520,
    448,
    464,
    57344,
    2 ** 31,
  ];
  for (const dtype of types) {
    for (const x of special) same(dtype, x);
    for (let i = 0; i < 4000; i++) same(dtype, random.normal() * 2 ** (random.below(80) - 50));
  }
});

test("every value of the narrow types, halfway between neighbours, and one step of fp32 to either side", () => {
  for (const dtype of types) {
    const { kind, bytes, special } = dtypeInfo[dtype];
    if (kind !== "float" || bytes > 2 || special === "e8m0") continue;
    const step = bytes === 1 ? 1 : 7;
    for (let bits = 0; bits < 2 ** (8 * bytes) - 1; bits += step) {
      const [a, b] = [decode(bits, dtype), decode(bits + 1, dtype)];
      const middle = (a + b) / 2;
      for (const x of [a, middle, middle * (1 + 2 ** -22), middle * (1 - 2 ** -22)]) same(dtype, x);
    }
  }
});
