/** GELU beside its derivative: one table of ScalarE, and results as exact as each by itself. */
import * as ir from "@opentrn/ir";
import { expect, test } from "vitest";
import { compareGroup } from "../../testing.ts";

const shape = [130, 70];
const derivative = (x: ir.Value): ir.Value =>
  ir.customCall("gelu_tanh_derivative", [x], { results: [x.type] })[0]!;

test.each(["float32", "bfloat16"] as const)("in %s", (dtype) => {
  const fn = ir.func("f", { x: ir.tensor(shape, dtype), b: ir.tensor([70], dtype) }, ({ x, b }) => {
    const y = ir.add(x, ir.broadcastInDim(b, shape));
    return [ir.geluTanhOp(y), derivative(y)];
  });
  const x = Float32Array.from({ length: ir.sizeOf(shape) }, (_, i) => (i - 4500) / 500);
  const { module, results } = compareGroup(fn, { x });
  const functions = module.program.classes.map((c) => c.call.attr["op"]);
  expect(functions).toContain("sigmoid");
  expect(functions).not.toContain("gelu_apprx_tanh");
  for (const r of results)
    expect(r.chipError).toBeLessThanOrEqual(r.interpreterError + 2 ** -22 * r.scale);
});

test("alone it stays one function", () => {
  const fn = ir.func("f", { x: ir.tensor(shape) }, ({ x }) => [ir.geluTanhOp(x)]);
  const { module } = compareGroup(fn);
  expect(module.program.classes.map((c) => c.call.attr["op"])).toContain("gelu_apprx_tanh");
});
