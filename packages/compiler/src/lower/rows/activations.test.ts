/** Activations that are one operation become one instruction, as exact as the steps they stand for. */
import * as ir from "@opentrn/ir";
import { expect, test } from "vitest";
import { compareGroup } from "../../testing.ts";

const functions = {
  silu: ir.siluOp,
  gelu_tanh: ir.geluTanhOp,
  silu_derivative: (x: ir.Value) =>
    ir.customCall("silu_derivative", [x], { results: [x.type] })[0]!,
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
  expect(new Set(work)).toEqual(new Set(["activation"]));
  expect(r!.chipError).toBeLessThanOrEqual(2 * r!.interpreterError + r!.scale * 2 ** -22);
});
