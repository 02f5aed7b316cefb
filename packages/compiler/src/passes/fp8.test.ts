/** Products in fp8: what the pass writes, what it costs in accuracy, and that the chip computes it. */
import { chipNamed } from "@opentrn/chips";
import * as ir from "@opentrn/ir";
import { expect, test } from "vitest";
import { compile } from "../compile.ts";
import { link } from "../plan/link.ts";
import { compareProgram, inputsFor } from "../testing.ts";
import { narrowProducts } from "./fp8.ts";

const bf16 = "bfloat16";
const fn = ir.func(
  "f",
  { x: ir.tensor([130, 256], bf16), w: ir.tensor([96, 256], bf16) },
  ({ x, w }) => ir.dotGeneral(x, w, { contracting: [[1], [1]], dtype: bf16 }),
);

test("operands are scaled to the type's range and the scales are taken off the sums", () => {
  const text = ir.print(narrowProducts(fn));
  expect(text).toMatch(/dot_general %\d+, %\d+ .*tensor<130x96xf32>/);
  expect(text.match(/tensor<\d+x256xf8E4M3>/g)).toHaveLength(2);
  expect(text).toContain("value = 240");
});

test("fp32 products stay", () => {
  const wide = ir.func("f", { x: ir.tensor([4, 4]) }, ({ x }) => ir.matmul(x, x));
  expect(narrowProducts(wide).body.map((op) => op.name)).toEqual(["dot_general"]);
});

test("the chip computes what the interpreter does, a few percent from bf16", () => {
  const narrowed = narrowProducts(fn);
  const given = inputsFor(fn);
  const program = link(compile(fn, { chip: chipNamed("trn2"), fp8: true }));
  const [r] = compareProgram(narrowed, program, given);
  const [exact] = ir.interpret(fn, given, { arithmetic: "float64" });
  const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
    Math.sqrt(
      Array.from(b).reduce((n, y, i) => n + (a[i]! - y) ** 2, 0) /
        Array.from(b).reduce((n, y) => n + y ** 2, 0),
    );
  // A scale that is one fp32 rounding off moves a few elements across a boundary of fp8.
  expect(distance(r!.chip, r!.interpreter)).toBeLessThan(0.01);
  expect(distance(r!.chip, exact!.data)).toBeGreaterThan(0.01);
  expect(distance(r!.chip, exact!.data)).toBeLessThan(0.06);
});
