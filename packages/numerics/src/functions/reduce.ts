/**
 * Order of summation, which the chip does not publish and we therefore define: every reduction is sequential and ascending, starts at
 * the operation's identity, and rounds to fp32 at each step.
 */
import { OpenTrnError } from "@opentrn/base";
import { type AluName, aluOp } from "./alu.ts";
import { add, mul } from "./arithmetic.ts";

/** acc = op(acc, x) over `values` in order, from `start` (default: the identity of `op`). Bitvec operations see raw bits. */
export function reduce(op: AluName, values: Iterable<number>, start?: number, width = 32): number {
  const row = aluOp(op);
  let acc = start ?? row.identity;
  if (acc === undefined)
    throw new OpenTrnError(
      `${op} is not a reduction operation; use add, subtract, multiply, maximum, minimum, a logical or a bitwise one`,
      { category: "invalid program" },
    );
  for (const x of values) acc = row.evaluate(acc, x, width);
  return acc;
}

/**
 * stationary[K, M] transposed times moving[K, N], both dense and row-major, as [M, N]: for every output k ascends from zero with one
 * rounding per multiplication and one per addition. Accumulating into PSUM is one further fp32 addition of this sum.
 */
export function matmul(
  stationary: Float32Array,
  moving: Float32Array,
  k: number,
  m: number,
  n: number,
): Float32Array {
  const out = new Float32Array(m * n);
  for (let row = 0; row < m; row++)
    for (let col = 0; col < n; col++) {
      let sum = 0;
      for (let i = 0; i < k; i++)
        sum = add(sum, mul(stationary[i * m + row]!, moving[i * n + col]!));
      out[row * n + col] = sum;
    }
  return out;
}
