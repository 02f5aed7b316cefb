/** Cross entropy of logits and class numbers. */

import { reduce, sum } from "../build/contraction.ts";
import { exponential, log, multiply, negate, subtract } from "../build/elementwise.ts";
import { takeAlongAxis } from "../build/indexed.ts";
import { broadcastOver, reshape } from "../build/shape.ts";
import type { Value } from "../graph.ts";

/** x - log of the sum of e^x over the last dimension. */
export function logSoftmax(x: Value): Value {
  const d = [x.type.shape.length - 1];
  const shifted = subtract(x, broadcastOver(reduce(x, "maximum", d), x.type.shape, d));
  return subtract(shifted, broadcastOver(log(sum(exponential(shifted), d)), x.type.shape, d));
}

/** The mean of -log softmax(logits)[label] with logits [n, classes] and integer labels [n]: a scalar. */
export function crossEntropy(logits: Value, labels: Value): Value {
  const n = labels.type.shape[0]!;
  const picked = takeAlongAxis(logSoftmax(logits), reshape(labels, [n, 1]), 1);
  return negate(multiply(sum(picked), 1 / n));
}
