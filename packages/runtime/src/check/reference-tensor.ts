/** Tensors as references see them. */
import type { DType } from "@opentrn/numerics";
import { type TensorData, valuesOf } from "../tensors/tensor.ts";

/** A tensor as a reference takes it: doubles in C order, and the type that the kernel gets. */
export interface ReferenceTensor {
  readonly shape: readonly number[];
  readonly data: Float64Array;
  readonly dtype: DType;
}

/** A tensor as a reference returns it; without a shape it has the output's. */
export interface ExpectedTensor {
  readonly shape?: readonly number[];
  readonly data: Float64Array;
}

export const referenceTensor = (t: TensorData): ReferenceTensor => ({
  shape: t.shape,
  dtype: t.dtype,
  data: valuesOf(t),
});
