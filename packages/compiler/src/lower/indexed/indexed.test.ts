/** Operations at run-time indices: moved values are the interpreter's to the bit, added ones within rounding. */
import * as ir from "@opentrn/ir";
import { expect, test } from "vitest";
import { compareGroup, noise } from "../../testing.ts";

const { func, tensor } = ir;
const ids = (n: number, from: number, to: number): number[] =>
  Array.from(noise(n, 9, from, to), Math.floor);

const moves: Readonly<Record<string, readonly [ir.Func, Readonly<Record<string, number[]>>]>> = {
  "rows of a table, some ids outside": [
    func("f", { t: tensor([50, 24], "bfloat16"), i: tensor([3, 67], "int32") }, ({ t, i }) =>
      ir.takeRows(t, i),
    ),
    { i: ids(201, -5, 60) },
  ],
  "one row": [
    func("f", { t: tensor([5, 7]), i: tensor([1], "int32") }, ({ t, i }) => ir.takeRows(t, i)),
    { i: [4] },
  ],
  "unsigned bytes as ids": [
    func("f", { t: tensor([9, 3]), i: tensor([130], "uint8") }, ({ t, i }) => ir.takeRows(t, i)),
    { i: ids(130, 0, 255) },
  ],
  "along an axis": [
    func("f", { x: tensor([6, 11, 3]), i: tensor([6, 4, 3], "int32") }, ({ x, i }) =>
      ir.takeAlongAxis(x, i, 1),
    ),
    { i: ids(72, -2, 13) },
  ],
  "windows of two dimensions": [
    func("f", { x: tensor([9, 8, 4]), i: tensor([5, 2], "int32") }, ({ x, i }) =>
      ir.gather(x, i, {
        offsetDims: [0, 2],
        collapsedSliceDims: [0],
        startIndexMap: [1, 0],
        indexVectorDim: 1,
        sliceSizes: [1, 3, 4],
      }),
    ),
    { i: ids(10, -1, 9) },
  ],
  "written rows, the last stays": [
    func(
      "f",
      { t: tensor([40, 6]), i: tensor([150], "int32"), u: tensor([150, 6]) },
      ({ t, i, u }) =>
        ir.scatter(t, i, u, {
          updateWindowDims: [1],
          insertedWindowDims: [0],
          scatterDimsToOperandDims: [0],
          indexVectorDim: 1,
          body: "update",
        }),
    ),
    { i: ids(150, -3, 44) },
  ],
  "dynamic slice": [
    func(
      "f",
      { x: tensor([9, 8, 4], "int32"), a: tensor([], "int32"), b: tensor([], "int32") },
      ({ x, a, b }) => ir.dynamicSlice(x, [a, 3, b], [4, 5, 2]),
    ),
    { a: [3], b: [7] },
  ],
  "dynamic update": [
    func(
      "f",
      {
        x: tensor([2, 16, 4], "bfloat16"),
        u: tensor([2, 1, 4], "bfloat16"),
        at: tensor([], "int32"),
      },
      ({ x, u, at }) => ir.dynamicUpdateSlice(x, u, [0, at, 0]),
    ),
    { at: [13] },
  ],
};

test.each(Object.entries(moves))("%s", (_, [fn, given]) => {
  const { module, results } = compareGroup(fn, given);
  expect(module.template).toBe("indexed");
  for (const r of results) expect(r.chip).toEqual(r.interpreter);
});

test.each([
  ["float32", 300, 40, 24],
  ["bfloat16", 129, 7, 600],
  ["float32", 5, 3, 1],
] as const)("rows added in %s: %s of them to %s rows of %s", (dtype, n, rows, width) => {
  const fn = func(
    "f",
    { t: tensor([rows, width], dtype), i: tensor([n], "int32"), u: tensor([n, width], dtype) },
    ({ t, i, u }) => ir.addRows(t, i, u),
  );
  const { results } = compareGroup(fn, { i: ids(n, -2, rows + 2) });
  const [r] = results;
  // Sums of at most n numbers below 1 in fp32, and one rounding to the type.
  const bound = n * 2 ** -24 * n + (dtype === "bfloat16" ? r!.scale * 2 ** -8 : 0);
  expect(r!.chipError).toBeLessThanOrEqual(bound);
  expect(r!.scale).toBeGreaterThan(0);
});

test("windows that lie partly outside are refused", () => {
  const fn = func(
    "f",
    { t: tensor([9]), i: tensor([2, 1], "int32"), u: tensor([2, 3]) },
    ({ t, i, u }) =>
      ir.scatter(t, i, u, {
        updateWindowDims: [1],
        scatterDimsToOperandDims: [0],
        indexVectorDim: 1,
        body: "add",
      }),
  );
  expect(() => compareGroup(fn)).toThrow(/only whole windows are dropped/);
});
