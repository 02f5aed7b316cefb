/** What layers are built with: types, weights by name, positions, and how attention is done (training, prefill or decode). */
import {
  add,
  broadcastInDim,
  convert,
  dotGeneral,
  type ElementType,
  layerNorm,
  rmsNorm,
  type Value,
} from "@opentrn/ir";
import type { ModelConfig } from "../config/model-config.ts";

/** Types that activations and the operands of matrix products may have. */
export const computeTypes = ["bfloat16", "float16", "float32"] as const;
export type ComputeType = (typeof computeTypes)[number] & ElementType;

/** Looks a parameter up by its name. */
export type Weights = (name: string) => Value;

/** o [b, n, h, d] for q [b, n, h, d], k and v [b, n, g, d] of layer `layer`. */
export type Attend = (q: Value, k: Value, v: Value, layer: number) => Value;

export interface LayerContext {
  readonly config: ModelConfig;
  readonly dtype: ComputeType;
  readonly batch: number;
  /** Tokens a sequence in this call. */
  readonly seq: number;
  /** Rotary tables of these tokens' positions, fp32 [seq, d / 2]; absent with learned positions. */
  readonly rope?: { readonly cos: Value; readonly sin: Value };
}

/** Rows [t, in] times a weight [out, in], or [in, out] in `transposed` layout, plus a bias, rounded once: [t, out]. */
export function linear(
  { dtype }: LayerContext,
  x: Value,
  weight: Value,
  bias?: Value,
  layout: "out-in" | "in-out" = "out-in",
): Value {
  const product = dotGeneral(x, convert(weight, dtype), {
    contracting: [[1], [layout === "out-in" ? 1 : 0]],
    dtype: bias ? "float32" : dtype,
  });
  if (!bias) return product;
  return convert(add(product, broadcastInDim(convert(bias, "float32"), product.type.shape)), dtype);
}

/** RMS norm over the last dimension, in fp32 from input to weight, rounded once. */
export const rms = ({ config, dtype }: LayerContext, x: Value, weight: Value): Value =>
  convert(rmsNorm(convert(x, "float32"), convert(weight, "float32"), config.normEpsilon), dtype);

/** Layer norm likewise. */
export const norm = (
  { config, dtype }: LayerContext,
  x: Value,
  weight: Value,
  bias: Value,
): Value => {
  const [w, b] = [convert(weight, "float32"), convert(bias, "float32")];
  return convert(layerNorm(convert(x, "float32"), w, b, config.normEpsilon), dtype);
};
