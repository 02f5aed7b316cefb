/** What follows products: biases, activations, residuals, gates, rotary positions, several results, several products. */
import * as ir from "@opentrn/ir";
import { expect, test } from "vitest";
import { compareGroup } from "../../testing.ts";

const { func, tensor } = ir;
const bf16 = "bfloat16";

/** x w^T with w as [out, in]. */
const linear = (x: ir.Value, w: ir.Value, dtype: ir.ElementType = "float32"): ir.Value =>
  ir.dotGeneral(x, w, { contracting: [[1], [1]], dtype });
const row = (v: ir.Value, like: ir.Value): ir.Value =>
  ir.broadcastInDim(ir.convert(v, like.type.dtype), like.type.shape, [1]);

const x = tensor([150, 96], bf16);
const w = tensor([200, 96], bf16);

const cases: Readonly<Record<string, ir.Func>> = {
  "rounded to bf16": func("f", { x, w }, (v) => [ir.convert(linear(v.x, v.w), bf16)]),
  bias: func("f", { x, w, b: tensor([200]) }, (v) => {
    const y = linear(v.x, v.w);
    return [ir.convert(ir.add(y, row(v.b, y)), bf16)];
  }),
  "bias and GELU, both kept": func("f", { x, w, b: tensor([200], bf16) }, (v) => {
    const y = linear(v.x, v.w);
    const pre = ir.add(y, row(v.b, y));
    return [ir.convert(pre, bf16), ir.convert(ir.geluTanh(pre), bf16)];
  }),
  residual: func("f", { x, w, r: tensor([150, 200], bf16) }, (v) => [
    ir.add(linear(v.x, v.w, bf16), v.r),
  ]),
  "gate and up": func("f", { x, gate: w, up: w }, (v) => {
    const [g, u] = [v.gate, v.up].map((m) => ir.convert(linear(v.x, m, bf16), "float32"));
    return [ir.convert(ir.swiglu(g!, u!), bf16), ir.convert(g!, bf16)];
  }),
  "three products of one operand": func(
    "f",
    { x, q: w, k: tensor([64, 96], bf16), v: tensor([30, 96], bf16) },
    (p) => [linear(p.x, p.q, bf16), linear(p.x, p.k, bf16), ir.negate(linear(p.x, p.v, bf16))],
  ),
  "sum of products": func(
    "f",
    { x, w, y: tensor([150, 300], bf16), u: tensor([200, 300], bf16) },
    (v) => [ir.convert(ir.add(linear(v.x, v.w), linear(v.y, v.u)), bf16)],
  ),
  "rotary by heads": func(
    "f",
    {
      x: tensor([60, 40], bf16),
      w: tensor([96, 40], bf16),
      cos: tensor([30, 16]),
      sin: tensor([30, 16]),
    },
    (v) => {
      const y = ir.reshape(linear(v.x, v.w), [2, 30, 6, 16]);
      const spread = (t: ir.Value) => ir.broadcastInDim(t, [2, 30, 6, 16], [1, 3]);
      return [ir.convert(ir.rotary(y, spread(v.cos), spread(v.sin)), bf16)];
    },
  ),
  "rotary of one row": func(
    "f",
    { x: tensor([1, 40], bf16), w: tensor([96, 40], bf16), cos: tensor([16]), sin: tensor([16]) },
    (v) => {
      const y = ir.reshape(linear(v.x, v.w), [1, 6, 16]);
      const spread = (t: ir.Value) => ir.broadcastInDim(t, [1, 6, 16], [2]);
      return [ir.convert(ir.rotary(y, spread(v.cos), spread(v.sin)), bf16)];
    },
  ),
  "norm of whole rows": func("f", { x, w, g: tensor([200]) }, (v) => [
    ir.rmsNorm(linear(v.x, v.w), v.g),
  ]),
  "softmax of batched scores": func(
    "f",
    { q: tensor([2, 40, 3, 16], bf16), k: tensor([2, 50, 3, 16], bf16) },
    ({ q, k }) => {
      const scores = ir.dotGeneral(q, k, {
        batching: [
          [0, 2],
          [0, 2],
        ],
        contracting: [[3], [3]],
        dtype: "float32",
      });
      return [ir.convert(ir.softmax(ir.multiply(scores, 0.25)), bf16)];
    },
  ),
  "moved into place": func("f", { x: tensor([60, 40], bf16), w: tensor([96, 40], bf16) }, (v) => [
    ir.transpose(ir.reshape(linear(v.x, v.w, bf16), [2, 30, 6, 16]), [0, 2, 1, 3]),
  ]),
  transposed: func("f", { x: tensor([60, 40], bf16), w: tensor([96, 40], bf16) }, (v) => [
    ir.transpose(linear(v.x, v.w, bf16), [1, 0]),
  ]),
  "scaled and compared with a row": func("f", { x, w, m: tensor([150]) }, (v) => {
    const y = ir.multiply(linear(v.x, v.w), 0.5);
    const most = ir.broadcastInDim(v.m, y.type.shape, [0]);
    return [ir.select(ir.compare(y, most, "GT"), most, y)];
  }),
};

test.each(Object.entries(cases))("%s", (_, fn) => {
  const { module, results } = compareGroup(fn);
  expect(module.template).toBe("matmul");
  for (const r of results) {
    // Steps between the product and a result stay in fp32, where the interpreter rounds them to bf16.
    const bound = (r.type.dtype === bf16 ? 2 ** -7 : 2 ** -20) * r.scale;
    expect([r.name, r.chipError <= bound ? "within" : r.chipError / r.scale]).toEqual([
      r.name,
      "within",
    ]);
  }
});
