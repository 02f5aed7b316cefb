/** Activations that the chip has functions for: element by element, in fp32, rounded to the type once. */
import { customCall } from "../build/calls.ts";
import { add, logistic, multiply, subtract } from "../build/elementwise.ts";
import { convert } from "../build/selection.ts";
import { geluTanh, silu } from "../compose/activations.ts";
import type { Value } from "../graph.ts";
import { isFloatType } from "../types.ts";
import { breaks, type Composite, printTypes } from "./define.ts";

/** An element-by-element function of one float operand; `derivative` names the composite that is its derivative. */
const elementwise = (
  name: string,
  summary: string,
  f: (x: Value) => Value,
  derivative?: string,
): Composite => ({
  summary,
  infer: (operands) => {
    if (operands.length !== 1 || !isFloatType(operands[0]!))
      breaks(
        name,
        "C2",
        "there is one operand, of a float type",
        `the operands are ${printTypes(operands) || "none"}`,
      );
    return operands;
  },
  decompose: ([x]) => [convert(f(convert(x!, "float32")), x!.type.dtype)],
  ...(derivative === undefined
    ? {}
    : {
        gradient: ({ operands: [x], cotangent: g }) => [multiply(g, elementwiseOp(derivative, x!))],
      }),
});

const elementwiseOp = (name: string, x: Value): Value =>
  customCall(name, [x], { results: [x.type] })[0]!;

/** s (1 + x (1 - s)) with s = logistic(x). */
function siluDerivative(x: Value): Value {
  const s = logistic(x);
  return multiply(s, add(multiply(x, subtract(1, s)), 1));
}

/** The derivative of GPT-2's GELU, with its tanh as a logistic: s + s (1 - s) x z' with s = logistic(z), z = 2 a (x + c x^3). */
function geluTanhDerivative(x: Value): Value {
  const a = 2 * Math.sqrt(2 / Math.PI);
  const c = 0.044715;
  const u = multiply(x, x);
  const s = logistic(multiply(x, add(multiply(u, a * c), a)));
  const w = multiply(x, add(multiply(u, 3 * a * c), a));
  return multiply(s, add(multiply(subtract(1, s), w), 1));
}

export const activationComposites = {
  silu: elementwise("silu", "x logistic(x)", silu, "silu_derivative"),
  silu_derivative: elementwise("silu_derivative", "the derivative of silu", siluDerivative),
  gelu_tanh: elementwise(
    "gelu_tanh",
    "GELU by tanh, as GPT-2 has it",
    geluTanh,
    "gelu_tanh_derivative",
  ),
  gelu_tanh_derivative: elementwise(
    "gelu_tanh_derivative",
    "the derivative of gelu_tanh",
    geluTanhDerivative,
  ),
} as const satisfies Record<string, Composite>;

/** x logistic(x) as one operation. */
export const siluOp = (x: Value): Value => elementwiseOp("silu", x);
/** GPT-2's GELU as one operation. */
export const geluTanhOp = (x: Value): Value => elementwiseOp("gelu_tanh", x);
