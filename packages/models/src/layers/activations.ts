/** Activations by the names of Hugging Face configurations, in fp32. */
import {
  abs,
  add,
  divide,
  exponential,
  geluTanhOp,
  logistic,
  maximum,
  multiply,
  negate,
  sign,
  siluOp,
  subtract,
  type Value,
} from "@opentrn/ir";
import type { ActivationName } from "../config/model-config.ts";

/** Abramowitz and Stegun 7.1.26: erf to 1.5e-7, which is fp32's own rounding near one. */
const [p, ...series] = [
  0.3275911, 0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429,
] as const;

function erf(x: Value): Value {
  const size = abs(x);
  const t = divide(1, add(multiply(size, p), 1));
  let sum = multiply(t, series[4]);
  for (const a of [series[3], series[2], series[1], series[0]]) sum = multiply(add(sum, a), t);
  const tail = multiply(sum, exponential(negate(multiply(size, size))));
  return multiply(sign(x), subtract(1, tail));
}

/** x times the normal distribution's share below x. */
const geluErf = (x: Value): Value =>
  multiply(multiply(x, 0.5), add(erf(multiply(x, Math.SQRT1_2)), 1));

/** fp32 to fp32. `gelu` is exact to 1.5e-7 |x|; the tanh forms differ only in name. */
export const activations: Readonly<Record<ActivationName, (x: Value) => Value>> = {
  silu: siluOp,
  swish: siluOp,
  gelu: geluErf,
  gelu_new: geluTanhOp,
  gelu_pytorch_tanh: geluTanhOp,
  gelu_fast: geluTanhOp,
  quick_gelu: (x) => multiply(x, logistic(multiply(x, 1.702))),
  relu: (x) => maximum(x, 0),
};
