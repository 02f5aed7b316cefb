/** Predicted times beside the time that HBM takes to move the inputs and results once, 360 bytes a nanosecond and core. */
import { chipNamed } from "@opentrn/chips";
import * as ir from "@opentrn/ir";
import { bytesOf } from "@opentrn/numerics";
import { expect, test } from "vitest";
import { timeOf } from "../../testing.ts";
import { lowerGroup } from "../lower-group.ts";

const { func, tensor } = ir;
const bf16 = "bfloat16";
const wide = (v: ir.Value): ir.Value => ir.convert(v, "float32");
const narrow = (v: ir.Value): ir.Value => ir.convert(v, bf16);
const rowsOf = tensor([4096, 2048], bf16);

const rotaryOf = (x: ir.Value, cos: ir.Value, sin: ir.Value): ir.Value => {
  const spread = (v: ir.Value) => ir.broadcastInDim(v, x.type.shape, [1, 3]);
  return ir.rotary(x, spread(cos), spread(sin));
};

const parameters = tensor([4096, 1024]);
const adam = func(
  "adam",
  { p: parameters, m: parameters, v: parameters, g: parameters, lr: tensor([]) },
  ({ p, m, v, g, lr }) => {
    const nextM = ir.add(ir.multiply(m, 0.9), ir.multiply(g, 0.1));
    const nextV = ir.add(ir.multiply(v, 0.95), ir.multiply(ir.multiply(g, g), 0.05));
    const change = ir.divide(nextM, ir.add(ir.sqrt(nextV), 1e-8));
    const whole = ir.broadcastInDim(lr, parameters.shape, []);
    return [ir.subtract(p, ir.multiply(change, whole)), nextM, nextV];
  },
);

/** At most so many times that long. ScalarE, VectorE and GpSimd bound the last ones. */
const cases: Readonly<Record<string, readonly [ir.Func, most: number]>> = {
  sum: [func("f", { x: parameters, y: parameters }, ({ x, y }) => [ir.add(x, y)]), 1],
  "cast to bf16": [func("f", { x: parameters }, ({ x }) => [narrow(x)]), 1],
  AdamW: [adam, 1],
  softmax: [func("f", { x: rowsOf }, ({ x }) => [narrow(ir.softmax(wide(x)))]), 1],
  "rms norm": [
    func("f", { x: rowsOf, w: tensor([2048]) }, ({ x, w }) => [narrow(ir.rmsNorm(wide(x), w))]),
    1.05,
  ],
  rotary: [
    func(
      "f",
      {
        x: tensor([2, 2048, 16, 128], bf16),
        cos: tensor([2048, 128], bf16),
        sin: tensor([2048, 128], bf16),
      },
      ({ x, cos, sin }) => [rotaryOf(x, cos, sin)],
    ),
    1.05,
  ],
  "norm of a tensor": [func("f", { x: parameters }, ({ x }) => [ir.sum(ir.multiply(x, x))]), 1.2],
  "bias gradient": [func("f", { x: tensor([8192, 768], bf16) }, ({ x }) => [ir.sum(x, [0])]), 1.2],
  "positions of a batch": [
    func("f", { x: tensor([8, 1024, 768], bf16) }, ({ x }) => [ir.sum(wide(x), [0])]),
    1.5,
  ],
  "layer norm of short rows": [
    func(
      "f",
      { x: tensor([8192, 768], bf16), w: tensor([768]), b: tensor([768]) },
      ({ x, w, b }) => [narrow(ir.layerNorm(wide(x), w, b))],
    ),
    2.3,
  ],
};

const bytes = (values: readonly ir.Value[]): number =>
  values.reduce((n, v) => n + ir.sizeOf(v.type.shape) * bytesOf(v.type.dtype), 0);

test.each(Object.entries(cases))("%s", (_, [fn, most]) => {
  const { program } = lowerGroup(fn, chipNamed("trn2"));
  const moved = bytes([...fn.params, ...fn.results]) / 360;
  expect(timeOf(program).totalNs / moved).toBeLessThanOrEqual(most);
});
