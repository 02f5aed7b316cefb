/** Operands that are computed: conversions, norms with and without results of their own, gradients of activations. */
import { chipNamed } from "@opentrn/chips";
import * as ir from "@opentrn/ir";
import { expect, test } from "vitest";
import { compareGroup } from "../../testing.ts";
import { matmul } from "./matmul.ts";

const { func, tensor } = ir;
const bf16 = "bfloat16";
const dot = (
  a: ir.Value,
  b: ir.Value,
  contracting: ir.DotDims["contracting"],
  dtype: ir.ElementType = "float32",
): ir.Value => ir.dotGeneral(a, b, { contracting: contracting!, dtype });
const [minor, major] = [
  [[1], [1]],
  [[1], [0]],
] as const;
const narrow = (x: ir.Value): ir.Value => ir.convert(x, bf16);

const cases: Readonly<Record<string, ir.Func>> = {
  "fp32 weights [out, in]": func(
    "f",
    { x: tensor([70, 200], bf16), w: tensor([150, 200]) },
    (v) => [dot(v.x, narrow(v.w), minor)],
  ),
  "fp32 weights [in, out]": func(
    "f",
    { x: tensor([70, 200], bf16), w: tensor([200, 150]) },
    (v) => [dot(v.x, narrow(v.w), major, bf16)],
  ),
  "both operands": func("f", { x: tensor([140, 200]), w: tensor([150, 200]) }, (v) => [
    dot(narrow(v.x), narrow(v.w), minor, bf16),
  ]),
  "RMS norm": func(
    "f",
    { x: tensor([200, 160], bf16), g: tensor([160]), w: tensor([90, 160], bf16) },
    (v) => [dot(narrow(ir.rmsNorm(ir.convert(v.x, "float32"), v.g)), v.w, minor, bf16)],
  ),
  "layer norm that is wanted as well, with a bias after": func(
    "f",
    {
      x: tensor([300, 96]),
      g: tensor([96]),
      h: tensor([96]),
      w: tensor([96, 130], bf16),
      b: tensor([130]),
    },
    (v) => {
      const x = narrow(ir.layerNorm(v.x, v.g, v.h));
      const y = dot(x, v.w, major);
      return [narrow(ir.add(y, ir.broadcastInDim(v.b, y.type.shape, [1]))), x];
    },
  ),
  "norm before gate and up": func(
    "f",
    {
      x: tensor([130, 128]),
      g: tensor([128]),
      a: tensor([80, 128], bf16),
      b: tensor([80, 128], bf16),
    },
    (v) => {
      const x = narrow(ir.rmsNorm(v.x, v.g));
      return [narrow(ir.swiglu(dot(x, v.a, minor), dot(x, v.b, minor)))];
    },
  ),
  "gradient of a weight behind an activation": func(
    "f",
    { x: tensor([260, 40], bf16), y: tensor([260, 150]), g: tensor([260, 150], bf16) },
    (v) => {
      const slope = ir.multiply(v.y, ir.logistic(v.y));
      return [dot(narrow(ir.multiply(ir.convert(v.g, "float32"), slope)), v.x, [[0], [0]])];
    },
  ),
  "batches of scaled operands": func(
    "f",
    { q: tensor([2, 40, 3, 16]), k: tensor([2, 50, 3, 16], bf16) },
    ({ q, k }) => [
      ir.dotGeneral(narrow(ir.multiply(q, 0.25)), k, {
        batching: [
          [0, 2],
          [0, 2],
        ],
        contracting: [[3], [3]],
        dtype: "float32",
      }),
    ],
  ),
  "K of several dimensions": func(
    "f",
    { x: tensor([60, 5, 32]), w: tensor([5, 32, 70], bf16) },
    ({ x, w }) => [
      ir.dotGeneral(narrow(ir.negate(x)), w, {
        contracting: [
          [1, 2],
          [0, 1],
        ],
        dtype: "float32",
      }),
    ],
  ),
};

test.each(Object.entries(cases))("%s", (_, fn) => {
  const { module, results } = compareGroup(fn);
  expect(module.template).toBe("matmul");
  for (const r of results) {
    // An operand may round to its neighbour where the engines' functions differ from the oracle in the last place.
    const bound = 2 ** -8 * r.scale + 2 * r.interpreterError;
    expect([r.name, r.chipError <= bound ? "within" : [r.chipError, r.scale]]).toEqual([
      r.name,
      "within",
    ]);
  }
});

const refused: Readonly<Record<string, readonly [RegExp, ir.Func]>> = {
  "a product of a product": [
    /another product/,
    func("f", { x: tensor([8, 8]), y: tensor([8, 8]) }, ({ x, y }) =>
      dot(dot(x, y, major), y, major),
    ),
  ],
  integers: [
    /floats only/,
    func("f", { x: tensor([8, 8], "int32"), y: tensor([8, 8], "int32") }, ({ x, y }) =>
      dot(x, y, major, "int32"),
    ),
  ],
  "sums over rows after a product": [
    /after dot_general/,
    func("f", { x: tensor([8, 8]), y: tensor([8, 8]) }, ({ x, y }) =>
      ir.sum(dot(x, y, major), [0]),
    ),
  ],
  "something beside the product": [
    /result of its own/,
    func("f", { x: tensor([8, 8]), y: tensor([8, 8]) }, ({ x, y }) => [
      dot(x, y, major),
      ir.negate(y),
    ]),
  ],
  "no product": [/no dot_general/, func("f", { x: tensor([8, 8]) }, ({ x }) => ir.negate(x))],
  "a norm of wider rows than PSUM holds": [
    /columns at a time/,
    func("f", { x: tensor([8, 8]), y: tensor([8, 4096]), g: tensor([4096]) }, ({ x, y, g }) =>
      ir.rmsNorm(dot(x, y, major), g),
    ),
  ],
};

test.each(Object.entries(refused))("refuses %s", (_, [why, fn]) => {
  expect(matmul.refuses(fn, chipNamed("trn2"))).toMatch(why);
});
