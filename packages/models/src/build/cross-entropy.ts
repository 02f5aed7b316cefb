/** Cross entropy with its own gradient: the softmax is there already, and a maximum needs none. */
import {
  add,
  broadcastInDim,
  broadcastOver,
  compare,
  convert,
  exponential,
  iota,
  log,
  multiply,
  reduce,
  reshape,
  select,
  subtract,
  sum,
  takeAlongAxis,
  type Value,
} from "@opentrn/ir";

/** Labels of this value do not count, as in PyTorch. */
export const ignoredLabel = -100;

/**
 * logits [t, v], labels int32 [t], `weight` fp32 []: the loss fp32 [], which is weight times the sum of -log softmax(logits)[label] over
 * labels that count, and its derivative by the logits, rounded once to their type. Everything between is fp32. One element a row is
 * gathered for the loss; for the derivative the label's column is found by comparing column numbers while a row passes, so that nothing
 * is scattered into [t, v].
 */
export function crossEntropy(
  logits: Value,
  labels: Value,
  weight: Value,
): { readonly loss: Value; readonly cotangent: Value } {
  const x = convert(logits, "float32");
  const { shape } = x.type;
  const [n, v] = shape as [number, number];
  // VectorE compares in fp32, which holds every column number below 2^24.
  const exact = v > 2 ** 24;
  const rows = (v: Value): Value => broadcastOver(v, shape, [1]);
  const top = reduce(x, "maximum", [1]);
  const lse = add(top, log(sum(exponential(subtract(x, rows(top))), [1])));
  const own = convert(reshape(takeAlongAxis(logits, reshape(labels, [n, 1]), 1), [n]), "float32");
  const weights = select(
    compare(labels, ignoredLabel, "NE"),
    broadcastInDim(weight, labels.type.shape, []),
    0,
  );
  const loss = sum(multiply(subtract(lse, own), weights));
  const probabilities = exponential(subtract(x, rows(lse)));
  const column = exact ? labels : convert(labels, "float32");
  const hit = compare(iota(shape, 1, column.type.dtype), rows(column), "EQ");
  const error = subtract(probabilities, convert(hit, "float32"));
  return { loss, cotangent: convert(multiply(error, rows(weights)), logits.type.dtype) };
}
