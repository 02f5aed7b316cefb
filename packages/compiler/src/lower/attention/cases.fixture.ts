/** Groups of attention for tests, and what errors they may have. */
import * as ir from "@opentrn/ir";
import { decode, encode } from "@opentrn/numerics";
import { type Compared, inputsFor, type TestInputs } from "../../testing.ts";

const { func, tensor } = ir;

export interface Case {
  readonly b?: number;
  readonly n: number;
  readonly m?: number;
  readonly h?: number;
  readonly g?: number;
  readonly d?: number;
  readonly causal?: boolean;
  readonly dtype?: "bfloat16" | "float16" | "float32";
}

const whole = (c: Case): Required<Case> => {
  const { b = 1, n, m = n, h = 1, g = h, d = 32, causal = true, dtype = "bfloat16" } = c;
  return { b, n, m, h, g, d, causal, dtype };
};

const operands = ({ b, n, m, h, g, d, dtype }: Required<Case>) => ({
  q: tensor([b, n, h, d], dtype),
  k: tensor([b, m, g, d], dtype),
  v: tensor([b, m, g, d], dtype),
});

export function forwardOf(given: Case): ir.Func {
  const c = whole(given);
  return func("attention", operands(c), ({ q, k, v }) => {
    const { o, lse } = ir.attentionOp(q, k, v, { causal: c.causal });
    return [o, lse];
  });
}

export function backwardOf(given: Case): ir.Func {
  const c = whole(given);
  const { b, n, h, d, dtype, causal } = c;
  const like = tensor([b, n, h, d], dtype);
  const params = { ...operands(c), o: like, lse: tensor([b, h, n]), cotangent: like };
  return func("attention_backward", params, (inputs) => {
    const { dq, dk, dv } = ir.attentionBackwardOp(inputs, { causal, scale: 1 / Math.sqrt(d) });
    return [dq, dk, dv];
  });
}

export interface CachedCase extends Case {
  readonly start: number;
}

export function cachedOf(given: CachedCase): ir.Func {
  const c = whole(given);
  const params = { ...operands(c), start: tensor([], "int32") };
  return func("attention_cached", params, ({ q, k, v, start }) => [
    ir.cachedAttention(q, k, v, start),
  ]);
}

/** Inputs of the gradient: o and lse are what attention makes of the others. */
export function backwardInputs(given: Case, seed: TestInputs = {}): TestInputs {
  const { dtype } = whole(given);
  const all = inputsFor(backwardOf(given), seed);
  const round = (x: ArrayLike<number>): number[] =>
    Array.from(x, (value) => decode(encode(value, dtype), dtype));
  const inputs = Object.fromEntries(["q", "k", "v"].map((name) => [name, round(all[name]!)]));
  const [o, lse] = ir.interpret(forwardOf(given), inputs, { customCalls: ir.compositeCalls });
  return { ...all, o: Array.from(o!.data), lse: Array.from(lse!.data) };
}

/** u: largest relative error of one rounding. */
const rounding = { bfloat16: 2 ** -8, float16: 2 ** -11, float32: 2 ** -24 } as const;

/**
 * Results farther from float64 than twice the interpreter's error and half a rounding of the largest one. The interpreter rounds as
 * often, elsewhere: weights after they are divided where the chip rounds before; ds from weights of fp32 where the chip takes rounded ones.
 */
export function tooFar(results: readonly Compared[]): readonly string[] {
  return results
    .filter((r) => {
      const u = rounding[r.type.dtype as keyof typeof rounding];
      return !(r.chipError <= 2 * r.interpreterError + 0.5 * u * r.scale);
    })
    .map((r) => `${r.name}: ${r.chipError}, the interpreter ${r.interpreterError} of ${r.scale}`);
}
