/** `nl`: reductions along the free dimensions, transposes and one-tile matmuls, each one instruction. */
import { ndarray } from "./create.ts";
import type { ResultOptions } from "./math.ts";
import { issue } from "./nisa.ts";
import type { Tensor } from "./tensor.ts";
import { stop, tracing } from "./trace.ts";

export interface ReduceOptions extends ResultOptions {
  /** Free dimensions that disappear, the last ones of the tile; default: all of them. */
  readonly axis?: number | readonly number[];
  /** Keeps the reduced dimensions with one element. */
  readonly keepdims?: boolean;
}

type Reduction = (x: Tensor, options?: ReduceOptions) => Tensor;

function reduction(name: string, op: string): Reduction {
  const reduce: Reduction = (x, options = {}) =>
    tracing(reduce).at(reduce, () => {
      const asked = options.axis ?? x.shape.slice(1).map((_, i) => i + 1);
      const axes = (typeof asked === "number" ? [asked] : [...asked])
        .map((a) => (a < 0 ? a + x.ndim : a))
        .sort((a, b) => a - b);
      if (axes.length === 0 || axes.some((a, i) => a !== x.ndim - axes.length + i) || axes[0] === 0)
        stop(
          reduce,
          `nl.${name}`,
          `nl.${name}: axis [${axes}] of ${x.describe()}; reduce the last free dimensions together`,
        );
      const kept = x.shape.slice(0, axes[0]);
      const shape = options.keepdims ? x.shape.map((n, d) => (axes.includes(d) ? 1 : n)) : kept;
      const result = shape.length === 1 ? [...shape, 1] : shape;
      const dst = ndarray(result, { dtype: options.dtype ?? x.dtype });
      issue("tensorReduce", { dst, op, data: x, axis: axes });
      return dst;
    });
  return reduce;
}

export const sum = reduction("sum", "add");
export const prod = reduction("prod", "multiply");
export const max = reduction("max", "maximum");
export const min = reduction("min", "minimum");

/** `x.T` of at most 128 x 128 elements, in PSUM (one nc_transpose). */
export function transpose(x: Tensor, options: ResultOptions = {}): Tensor {
  return tracing(transpose).at(transpose, () => {
    const columns = x.size / x.shape[0]!;
    const dst = ndarray([columns, x.shape[0]!], {
      dtype: options.dtype ?? x.dtype,
      buffer: "psum",
    });
    issue("ncTranspose", { dst, data: x });
    return dst;
  });
}

/** `x.T @ y` in PSUM (one nc_matmul): contraction along the partitions of both tiles, fp32 result. */
export function matmul(x: Tensor, y: Tensor): Tensor {
  return tracing(matmul).at(matmul, () => {
    const dst = ndarray([x.size / x.shape[0]!, ...y.shape.slice(1)], {
      dtype: "float32",
      buffer: "psum",
    });
    issue("ncMatmul", { dst, stationary: x, moving: y });
    return dst;
  });
}
