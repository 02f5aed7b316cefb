/** How far a product on the chip may be from the exact one, and functions around one dot_general for tests. */
import type { Chip } from "@opentrn/chips";
import * as ir from "@opentrn/ir";
import type { Program } from "@opentrn/isa";
import { dtypeInfo } from "@opentrn/numerics";
import { type Compared, compareGroup, inputsFor, type TestInputs } from "../../testing.ts";

/** Half a unit in the last place, relative, and half the smallest number. */
export function roundingOf(dtype: ir.ElementType): readonly [relative: number, absolute: number] {
  const { mantissa = 23, exponent = 8 } = dtypeInfo[dtype];
  return [2 ** -(mantissa + 1), 2 ** -(2 ** (exponent - 1) - 2 + mantissa + 1)];
}

/**
 * The largest |chip - exact| over its bound: K 2^-24 sum |a| |b| for fp32 sums in any order, and one rounding of the result. At most 1
 * for a right product.
 */
export function excess(fn: ir.Func, K: number, given: TestInputs = {}, chip?: Chip): Excess {
  const { module, results } = compareGroup(fn, given, chip ? { chip } : {});
  const sizes = ir.interpret(fn, magnitudes(inputsFor(fn, given)), { arithmetic: "float64" });
  const worst = results.map((r, i) => over(r, K, sizes[i]!.data));
  return { template: module.template, program: module.program, worst: Math.max(...worst) };
}

export interface Excess {
  readonly template: string;
  readonly program: Program;
  readonly worst: number;
}

const magnitudes = (inputs: TestInputs): TestInputs =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, data]) => [name, Array.from(data, Math.abs)]),
  );

function over(r: Compared, K: number, sizes: ArrayLike<number>): number {
  const [relative, absolute] = roundingOf(r.type.dtype);
  return r.chip.reduce((worst, x, i) => {
    const exact = r.oracle[i]!;
    const sum = K * 2 ** -24 * sizes[i]!;
    const bound = sum + relative * (Math.abs(exact) + sum) + absolute;
    const error = Math.abs(x - exact) / bound;
    return Math.max(worst, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
  }, 0);
}

export interface Dot {
  readonly left: readonly number[];
  readonly right: readonly number[];
  readonly batching?: ir.DotDims["batching"];
  readonly contracting: ir.DotDims["contracting"];
  readonly dtype?: ir.ElementType;
  readonly result?: ir.ElementType;
}

export const dotOf = ({ left, right, dtype = "float32", result, ...dims }: Dot): ir.Func =>
  ir.func("f", { a: ir.tensor(left, dtype), b: ir.tensor(right, dtype) }, ({ a, b }) =>
    ir.dotGeneral(a!, b!, { ...(dims as ir.DotDims), dtype: result ?? dtype }),
  );

/** Size of the contraction. */
export const contractionOf = ({ left, contracting }: Dot): number =>
  (contracting?.[0] ?? []).reduce((n, d) => n * left[d]!, 1);
