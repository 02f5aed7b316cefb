/** Activations that StableHLO has no operation for, written with those it has. Shapes stay. */
import { add, logistic, multiply, tanh } from "../build/elementwise.ts";
import type { Value } from "../graph.ts";

/** x logistic(x). */
export const silu = (x: Value): Value => multiply(x, logistic(x));

/** x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2: GPT-2's GELU. */
export function geluTanh(x: Value): Value {
  const cubic = multiply(multiply(multiply(x, x), x), 0.044715);
  const inner = multiply(add(x, cubic), Math.sqrt(2 / Math.PI));
  return multiply(multiply(x, 0.5), add(tanh(inner), 1));
}

/** silu(gate) times up: the gate of Llama's feed-forward layer. */
export const swiglu = (gate: Value, up: Value): Value => multiply(silu(gate), up);
