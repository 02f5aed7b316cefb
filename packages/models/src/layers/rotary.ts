/** Rotary positions on heads as the projections leave them. */
import {
  add,
  broadcastInDim,
  concatenate,
  convert,
  multiply,
  slice,
  subtract,
  type Value,
} from "@opentrn/ir";

/**
 * x [b, n, h, d] turned by cos and sin, fp32 [n, d / 2]: feature i pairs with feature i + d / 2, as Llama pairs them. Computed in fp32,
 * rounded once to x's type.
 */
export function rotate(
  x: Value,
  { cos, sin }: { readonly cos: Value; readonly sin: Value },
): Value {
  const { shape, dtype } = x.type;
  const half = shape[3]! / 2;
  const part = [...shape.slice(0, 3), half];
  const wide = convert(x, "float32");
  const first = slice(wide, { limit: part });
  const second = slice(wide, { start: [0, 0, 0, half] });
  const [c, s] = [cos, sin].map((table) => broadcastInDim(table, part, [1, 3])) as [Value, Value];
  const turned = [
    subtract(multiply(first, c), multiply(second, s)),
    add(multiply(second, c), multiply(first, s)),
  ];
  return convert(concatenate(turned, 3), dtype);
}
