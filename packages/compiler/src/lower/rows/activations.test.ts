/** Activations that are one operation: one instruction where the chip has the function, as exact as the steps they stand for. */
import * as ir from "@opentrn/ir";
import { expect, test } from "vitest";
import { compareGroup } from "../../testing.ts";

const derivative = (name: string) => (x: ir.Value) =>
  ir.customCall(name, [x], { results: [x.type] })[0]!;
const functions = {
  silu: ir.siluOp,
  gelu_tanh: ir.geluTanhOp,
  silu_derivative: derivative("silu_derivative"),
  gelu_tanh_derivative: derivative("gelu_tanh_derivative"),
} as const;

test.each(
  (["float32", "bfloat16"] as const).flatMap((dtype) =>
    (Object.keys(functions) as (keyof typeof functions)[]).map((name) => [name, dtype] as const),
  ),
)("%s in %s", (name, dtype) => {
  const fn = ir.func("f", { x: ir.tensor([3, 700], dtype) }, ({ x }) => functions[name](x));
  const x = Float32Array.from({ length: 2100 }, (_, i) => (i - 1050) / 60);
  const { module, results } = compareGroup(fn, { x });
  const [r] = results;
  const work = module.program.classes.filter((c) => c.engine !== "dma").map((c) => c.op.name);
  // The chip has no function for the derivative of this GELU.
  if (name !== "gelu_tanh_derivative") expect(new Set(work)).toEqual(new Set(["activation"]));
  expect(r!.chipError).toBeLessThanOrEqual(2 * r!.interpreterError + r!.scale * 2 ** -22);
});
