/**
 * The graphs that models are made of, forward and backward, against the float64 oracle: the chip may be as far from it as the interpreter
 * is, and a unit in the last place of fp32, half a one of bf16, at the largest result further.
 */
import * as ir from "@opentrn/ir";
import { describe, expect, test } from "vitest";
import { compareGroup, noise } from "../../testing.ts";

const { func, tensor } = ir;
const bf16 = "bfloat16";
const wide = (v: ir.Value): ir.Value => ir.convert(v, "float32");
const narrow = (v: ir.Value): ir.Value => ir.convert(v, bf16);

/** The function, and its pullback for a cotangent `g` of its only result. */
function bothWays(
  signature: Readonly<Record<string, ir.TensorType>>,
  make: (v: Readonly<Record<string, ir.Value>>) => ir.Value,
  wrt: readonly string[],
): readonly [forward: ir.Func, backward: ir.Func] {
  const forward = func("forward", signature, (v) => [make(v)]);
  const g = forward.results[0]!.type;
  const backward = func("backward", { ...signature, g }, (v) => {
    const given = v as Readonly<Record<string, ir.Value>>;
    return ir.pullback(
      [make(given)],
      [given["g"]!],
      wrt.map((n) => given[n]!),
    );
  });
  return [forward, ir.cleanUp(backward)];
}

const rotaryIn = [2, 40, 3, 16];
const spread = (v: ir.Value): ir.Value => ir.broadcastInDim(v, rotaryIn, [1, 3]);

const pairs: Readonly<Record<string, readonly [ir.Func, ir.Func]>> = {
  softmax: bothWays({ x: tensor([150, 77], bf16) }, ({ x }) => narrow(ir.softmax(wide(x!))), ["x"]),
  "softmax in fp32 of long rows": bothWays({ x: tensor([3, 9001]) }, ({ x }) => ir.softmax(x!), [
    "x",
  ]),
  "softmax of columns": bothWays(
    { x: tensor([20, 130]) },
    ({ x }) => ir.transpose(ir.softmax(ir.transpose(x!))),
    ["x"],
  ),
  "layer norm": bothWays(
    { x: tensor([3, 50, 96], bf16), w: tensor([96]), b: tensor([96]) },
    ({ x, w, b }) => narrow(ir.layerNorm(wide(x!), w!, b!)),
    ["x", "w", "b"],
  ),
  "layer norm of wide rows": bothWays(
    { x: tensor([131, 700]), w: tensor([700]), b: tensor([700]) },
    ({ x, w, b }) => ir.layerNorm(x!, w!, b!),
    ["x", "w", "b"],
  ),
  "rms norm": bothWays(
    { x: tensor([300, 512], bf16), w: tensor([512]) },
    ({ x, w }) => narrow(ir.rmsNorm(wide(x!), w!)),
    ["x", "w"],
  ),
  "rms norm of heads": bothWays(
    { x: tensor([2, 33, 4, 16]), w: tensor([16]) },
    ({ x, w }) => ir.rmsNorm(x!, w!),
    ["x", "w"],
  ),
  "rotary positions": bothWays(
    { x: tensor(rotaryIn), cos: tensor([40, 16]), sin: tensor([40, 16]) },
    ({ x, cos, sin }) => ir.rotary(x!, spread(cos!), spread(sin!)),
    ["x", "cos"],
  ),
  "gated SiLU": bothWays(
    { gate: tensor([70, 133], bf16), up: tensor([70, 133], bf16) },
    ({ gate, up }) => narrow(ir.swiglu(wide(gate!), wide(up!))),
    ["gate", "up"],
  ),
  GELU: bothWays({ x: tensor([70, 133], bf16) }, ({ x }) => narrow(ir.geluTanh(wide(x!))), ["x"]),
  "bias and residual": bothWays(
    { x: tensor([260, 48], bf16), y: tensor([260, 48], bf16), b: tensor([48], bf16) },
    ({ x, y, b }) => ir.add(ir.add(x!, y!), ir.broadcastInDim(b!, [260, 48])),
    ["x", "y", "b"],
  ),
  "positions of a batch": bothWays(
    { x: tensor([6, 40, 24]), p: tensor([40, 24]) },
    ({ x, p }) => ir.add(x!, ir.broadcastInDim(p!, [6, 40, 24])),
    ["x", "p"],
  ),
};

const crossEntropy = (n: number, v: number, dtype: ir.ElementType): ir.Func =>
  func("loss", { x: tensor([n, v], dtype), l: tensor([n], "int32") }, ({ x, l }) => {
    const loss = ir.crossEntropy(wide(x), l);
    return [loss, ...ir.gradients(loss, [x])];
  });

const adam = (shape: readonly number[]): ir.Func =>
  func(
    "adam",
    { p: tensor(shape), m: tensor(shape), v: tensor(shape), g: tensor(shape), lr: tensor([]) },
    ({ p, m, v, g, lr }) => {
      const whole = (x: ir.Value) => ir.broadcastInDim(x, shape, []);
      const nextM = ir.add(ir.multiply(m, 0.9), ir.multiply(g, 0.1));
      const nextV = ir.add(ir.multiply(v, 0.95), ir.multiply(ir.multiply(g, g), 0.05));
      const change = ir.divide(nextM, ir.add(ir.sqrt(nextV), 1e-8));
      const next = ir.subtract(p, ir.multiply(change, whole(lr)));
      return [next, nextM, nextV, narrow(next)];
    },
  );

const single: Readonly<Record<string, readonly [ir.Func, Readonly<Record<string, number[]>>]>> = {
  "cross entropy": [crossEntropy(150, 300, "float32"), { l: column(150, 300) }],
  "cross entropy of a vocabulary": [crossEntropy(5, 50_257, bf16), { l: column(5, 50_257) }],
  "cross entropy of labels that are none": [crossEntropy(3, 17, "float32"), { l: [4, -1, 17] }],
  AdamW: [adam([70, 133]), { v: Array.from(noise(70 * 133, 9, 0, 1)) }],
  "AdamW of one row": [adam([1]), { v: [0.5] }],
  "norm of a tensor": [
    func("norm", { x: tensor([129, 77]) }, ({ x }) => [ir.sqrt(ir.sum(ir.multiply(x, x)))]),
    {},
  ],
};

function column(n: number, classes: number): number[] {
  return Array.from(noise(n, 5, 0, classes), Math.floor);
}

const further: Partial<Record<ir.ElementType, number>> = { float32: 2 ** -23, bfloat16: 2 ** -9 };

function within(fn: ir.Func, given: Readonly<Record<string, ArrayLike<number>>> = {}): void {
  const { module, results } = compareGroup(fn, given);
  expect(module.template).toBe("rows");
  for (const r of results)
    expect(r.chipError, `${r.name} of ${fn.name}`).toBeLessThanOrEqual(
      r.interpreterError + further[r.type.dtype]! * r.scale,
    );
}

describe.each(Object.entries(pairs))("%s", (_, [forward, backward]) => {
  test("forward", () => within(forward));
  test("backward", () => within(backward));
});

test.each(Object.entries(single))("%s", (_, [fn, given]) => within(fn, given));
