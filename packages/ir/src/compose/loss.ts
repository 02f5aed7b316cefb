/** Cross entropy of logits and class numbers. */

import { reduce, sum } from "../build/contraction.ts";
import { exponential, log, multiply, subtract } from "../build/elementwise.ts";
import { compare, select, stopGradient } from "../build/selection.ts";
import { broadcastInDim, broadcastOver } from "../build/shape.ts";
import { iota } from "../build/sources.ts";
import type { Value } from "../graph.ts";

/** x - maximum of the last dimension, which no gradient passes: whatever is subtracted, the quotients of e^x stay. */
function shift(x: Value): Value {
  const d = [x.type.shape.length - 1];
  return subtract(x, stopGradient(broadcastOver(reduce(x, "maximum", d), x.type.shape, d)));
}

/** x - log of the sum of e^x over the last dimension. */
export function logSoftmax(x: Value): Value {
  const d = [x.type.shape.length - 1];
  const shifted = shift(x);
  return subtract(shifted, broadcastOver(log(sum(exponential(shifted), d)), x.type.shape, d));
}

/**
 * -log softmax(logits)[label] of every row: [n] of logits [n, classes] and integer labels [n]. The label's element is picked by
 * comparing column numbers, so that the rows are read in order and nothing as large as the logits is written. A label that is no
 * class picks 0 in place of an element.
 */
export function rowCrossEntropy(logits: Value, labels: Value): Value {
  const { shape } = logits.type;
  const shifted = shift(logits);
  const isLabel = compare(
    iota(shape, 1, labels.type.dtype),
    broadcastInDim(labels, shape, [0]),
    "EQ",
  );
  const picked = sum(select(isLabel, shifted, 0), [1]);
  return subtract(log(sum(exponential(shifted), [1])), picked);
}

/** The mean of -log softmax(logits)[label] with logits [n, classes] and integer labels [n]: a scalar. */
export const crossEntropy = (logits: Value, labels: Value): Value =>
  multiply(sum(rowCrossEntropy(logits, labels)), 1 / labels.type.shape[0]!);
