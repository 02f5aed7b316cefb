/** `nl`: reductions along the free dimensions, transposes and one-tile matmuls, lowered as the Python package does. */
import type { DType } from "@opentrn/numerics";
import { ndarray } from "./create.ts";
import { inSbuf, type ResultOptions } from "./math.ts";
import { issue } from "./nisa.ts";
import type { Tensor } from "./tensor.ts";
import { type Entry, stop, tracing } from "./trace.ts";

export interface ReduceOptions extends ResultOptions {
  /** Keeps the reduced dimensions with one element. */
  readonly keepdims?: boolean;
}

type Axes = number | readonly number[];
type Reduction = (x: Tensor, axis: Axes, options?: ReduceOptions) => Tensor;

/** The reduced dimensions, checked to be the last ones. */
function axesOf(entry: Entry, name: string, x: Tensor, axis: Axes): readonly number[] {
  const axes = [axis]
    .flat()
    .map((a) => (a < 0 ? a + x.ndim : a))
    .sort((a, b) => a - b);
  const first = x.ndim - axes.length;
  if (axes.length === 0 || first < 1 || axes.some((a, i) => a !== first + i))
    stop(
      entry,
      `nl.${name}`,
      `nl.${name}: axis (${axis}) of ${x.describe()}; axes are the last dimensions, never the partition dimension (transpose first)`,
    );
  return axes;
}

/** The reduction with its dimensions kept. */
function reduceTo(x: Tensor, op: string, axes: readonly number[], dtype: DType): Tensor {
  const shape = x.shape.map((n, d) => (axes.includes(d) ? 1 : n));
  const dst = ndarray(shape, { dtype });
  issue("tensorReduce", { dst, op, data: x, axis: axes, keepdims: true });
  return dst;
}

/** A tile keeps at least one free dimension. */
const dropped = (t: Tensor, axes: readonly number[], keep: boolean | undefined): Tensor =>
  keep ? t : axes.reduceRight((v, d) => (v.ndim > 2 ? v.squeezeDim(d) : v), t);

function reduction(name: string, op: string): Reduction {
  const reduce: Reduction = (x, axis, { dtype, keepdims } = {}) =>
    tracing(reduce).at(reduce, () => {
      const axes = axesOf(reduce, name, x, axis);
      return dropped(reduceTo(x, op, axes, dtype ?? x.dtype), axes, keepdims);
    });
  return reduce;
}

export const sum = reduction("sum", "add");
export const prod = reduction("prod", "multiply");
export const max = reduction("max", "maximum");
export const min = reduction("min", "minimum");

/** The average, added up in float32. */
export function mean(x: Tensor, axis: Axes, { dtype, keepdims }: ReduceOptions = {}): Tensor {
  return tracing(mean).at(mean, () => {
    const axes = axesOf(mean, "mean", x, axis);
    const total = reduceTo(x, "add", axes, "float32");
    const dst = ndarray(total.shape, { dtype: dtype ?? x.dtype });
    const count = axes.reduce((n, d) => n * x.shape[d]!, 1);
    issue("tensorScalar", { dst, data: total, op0: "multiply", operand0: 1 / count });
    return dropped(dst, axes, keepdims);
  });
}

/** A 2-D tile of at most [128, 128] with partitions and elements exchanged, in PSUM. */
export function transpose(x: Tensor): Tensor {
  return tracing(transpose).at(transpose, () => {
    if (x.ndim !== 2)
      stop(transpose, "nl.transpose", `nl.transpose: ${x.describe()}; flatten it to 2 dimensions`);
    const dst = ndarray([x.shape[1]!, x.shape[0]!], { dtype: x.dtype, buffer: "psum" });
    issue("ncTranspose", { dst, data: inSbuf(x) });
    return dst;
  });
}

/** x @ y, or x.T @ y where x comes transposed, as one tile: float32 in PSUM. */
export function matmul(
  x: Tensor,
  y: Tensor,
  options: { readonly transposeX?: boolean } = {},
): Tensor {
  return tracing(matmul).at(matmul, () => {
    const left = options.transposeX ? inSbuf(x) : inSbuf(transpose(inSbuf(x)));
    const dst = ndarray([left.shape[1]!, y.shape[1]!], { dtype: "float32", buffer: "psum" });
    issue("ncMatmul", { dst, stationary: left, moving: inSbuf(y), accumulate: false });
    return dst;
  });
}
