/** Normalisations over the last dimension. */

import { reduce, sum } from "../build/contraction.ts";
import { add, divide, exponential, multiply, rsqrt, subtract } from "../build/elementwise.ts";
import { stopGradient } from "../build/selection.ts";
import { broadcastInDim, broadcastOver } from "../build/shape.ts";
import type { Value } from "../graph.ts";

/** A value without the last dimension of `x`, repeated along it. */
const along = (v: Value, x: Value): Value =>
  broadcastOver(v, x.type.shape, [x.type.shape.length - 1]);
const last = (x: Value): readonly number[] => [x.type.shape.length - 1];
const mean = (x: Value): Value => multiply(sum(x, last(x)), 1 / (x.type.shape.at(-1) ?? 1));

/** e^(x - max) / sum of it, over the last dimension. */
export function softmax(x: Value): Value {
  const top = stopGradient(along(reduce(x, "maximum", last(x)), x));
  const e = exponential(subtract(x, top));
  return divide(e, along(sum(e, last(x)), x));
}

/** x / root mean square, times weight [features]. */
export function rmsNorm(x: Value, weight: Value, epsilon = 1e-5): Value {
  const scale = rsqrt(add(mean(multiply(x, x)), epsilon));
  return multiply(multiply(x, along(scale, x)), broadcastInDim(weight, x.type.shape));
}

/** (x - mean) / standard deviation, times weight [features] plus bias [features]. */
export function layerNorm(x: Value, weight: Value, bias: Value, epsilon = 1e-5): Value {
  const centred = subtract(x, along(mean(x), x));
  const scale = rsqrt(add(mean(multiply(centred, centred)), epsilon));
  const normal = multiply(centred, along(scale, x));
  return add(
    multiply(normal, broadcastInDim(weight, x.type.shape)),
    broadcastInDim(bias, x.type.shape),
  );
}
