/** Floors for what the predicted timeline of one trn2 core makes of a matmul: shares of the peak of the type. */
import { chipNamed } from "@opentrn/chips";
import * as ir from "@opentrn/ir";
import { expect, test } from "vitest";
import { timeOf } from "../../testing.ts";
import { lowerGroup } from "../lower-group.ts";
import { type Dot, dotOf } from "./testing.ts";

const trn2 = chipNamed("trn2");
const mfu = (fn: ir.Func): number => timeOf(lowerGroup(fn, trn2).program).mfu;
const bf16 = "bfloat16";

const products: readonly (readonly [what: string, floor: number, dot: Dot])[] = [
  [
    "4096 x 4096 x 14336, weights as [out, in]",
    0.95,
    { left: [4096, 4096], right: [14336, 4096], contracting: [[1], [1]], dtype: bf16 },
  ],
  [
    "8192 x 768 x 3072",
    0.9,
    { left: [8192, 768], right: [3072, 768], contracting: [[1], [1]], dtype: bf16 },
  ],
  [
    "8192 x 3072 x 768",
    0.9,
    { left: [8192, 3072], right: [768, 3072], contracting: [[1], [1]], dtype: bf16 },
  ],
  [
    "gradient of an input, 8192 x 3072 x 768",
    0.9,
    { left: [8192, 3072], right: [3072, 768], contracting: [[1], [0]], dtype: bf16 },
  ],
  [
    "gradient of a weight, 3072 x 8192 x 768",
    0.85,
    { left: [8192, 3072], right: [8192, 768], contracting: [[0], [0]], dtype: bf16 },
  ],
  [
    "fp32, 2048 x 1024 x 2048",
    0.9,
    { left: [2048, 1024], right: [2048, 1024], contracting: [[1], [1]] },
  ],
  [
    "fp8, 2048 x 4096 x 4096",
    0.9,
    { left: [2048, 4096], right: [4096, 4096], contracting: [[1], [1]], dtype: "float8_e4m3" },
  ],
];

test.each(products)("%s: at least %f of the peak", (_, floor, dot) => {
  expect(mfu(dotOf(dot))).toBeGreaterThanOrEqual(floor);
});

test("one row against 4096 x 4096 weights keeps the memory busy", () => {
  const dot: Dot = { left: [1, 4096], right: [4096, 4096], contracting: [[1], [1]], dtype: bf16 };
  expect(timeOf(lowerGroup(dotOf(dot), trn2).program).mbu).toBeGreaterThanOrEqual(0.8);
});

test("bias and rounding cost a projection of 2048 rows nothing that shows", () => {
  const shapes = {
    x: ir.tensor([2048, 768], bf16),
    w: ir.tensor([3072, 768], bf16),
    b: ir.tensor([3072]),
  };
  const fn = ir.func("f", shapes, ({ x, w, b }) => {
    const y = ir.dotGeneral(x, w, { contracting: [[1], [1]], dtype: "float32" });
    return ir.convert(ir.add(y, ir.broadcastInDim(b, y.type.shape, [1])), bf16);
  });
  expect(mfu(fn)).toBeGreaterThanOrEqual(0.8);
});
