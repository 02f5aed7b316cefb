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
  select,
  subtract,
  sum,
  type Value,
} from "@opentrn/ir";

/** Labels of this value do not count, as in PyTorch. */
export const ignoredLabel = -100;

/**
 * logits [t, v], labels int32 [t], `weight` fp32 []: the loss fp32 [], which is weight times the sum of -log softmax(logits)[label] over
 * labels that count, and its derivative by the logits, rounded once to their type. Everything between is fp32. The label's column is
 * found by comparing column numbers while a row passes, so that nothing of [t, v] is gathered or scattered.
 */
export function crossEntropy(
  logits: Value,
  labels: Value,
  weight: Value,
): { readonly loss: Value; readonly cotangent: Value } {
  const x = convert(logits, "float32");
  const { shape } = x.type;
  const rows = (v: Value): Value => broadcastOver(v, shape, [1]);
  const top = reduce(x, "maximum", [1]);
  const lse = add(top, log(sum(exponential(subtract(x, rows(top))), [1])));
  const hit = compare(iota(shape, 1), rows(labels), "EQ");
  const own = sum(select(hit, x, 0), [1]);
  const weights = select(
    compare(labels, ignoredLabel, "NE"),
    broadcastInDim(weight, labels.type.shape, []),
    0,
  );
  const loss = sum(multiply(subtract(lse, own), weights));
  const probabilities = exponential(subtract(x, rows(lse)));
  const error = subtract(probabilities, convert(hit, "float32"));
  return { loss, cotangent: convert(multiply(error, rows(weights)), logits.type.dtype) };
}
