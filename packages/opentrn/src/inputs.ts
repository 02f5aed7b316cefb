/** What a run takes and gives: tensors made from numbers, and numbers read back from tensors. */
import { OpenTrnError } from "@opentrn/base";
import { type DType, dtypeInfo } from "@opentrn/numerics";
import { elementCount, type TensorData, tensorOf, valuesOf } from "@opentrn/runtime";

/** Typed arrays whose element type the chip has under the same name. */
export type Elements =
  | Float32Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

const dtypeOfElements: Readonly<Record<string, DType>> = {
  Float32Array: "float32",
  Int32Array: "int32",
  Uint32Array: "uint32",
  Int16Array: "int16",
  Uint16Array: "uint16",
  Int8Array: "int8",
  Uint8Array: "uint8",
};

/**
 * A tensor of `values` in C order, rounded to `dtype` as the chip stores it. The dtype of a typed array is its own unless given; plain
 * numbers are float32.
 */
export function tensor(
  shape: readonly number[],
  values: ArrayLike<number>,
  dtype: DType = dtypeOfElements[values.constructor.name] ?? "float32",
): TensorData {
  const n = elementCount(shape);
  if (values.length !== n)
    throw new OpenTrnError(
      `tensor [${shape}] holds ${n} elements, ${values.length} are given; change the shape`,
      { category: "bad input", rule: "tensor size" },
    );
  return tensorOf(dtype, shape, values);
}

export const isTensorData = (v: unknown): v is TensorData =>
  typeof v === "object" &&
  v !== null &&
  (v as TensorData).bytes instanceof Uint8Array &&
  Array.isArray((v as TensorData).shape);

/** A result: raw bytes as the chip stored them, and the same as numbers. */
export class Output implements TensorData {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
  private numbers: Float32Array | Int32Array | Uint32Array | undefined;

  constructor(t: TensorData & { readonly name: string }) {
    this.name = t.name;
    this.dtype = t.dtype;
    this.shape = t.shape;
    this.bytes = t.bytes;
  }

  /** Elements in C order: Float32Array for floats, Int32Array or Uint32Array for integers. Every value is exact. */
  get data(): Float32Array | Int32Array | Uint32Array {
    if (this.numbers) return this.numbers;
    const { kind } = dtypeInfo[this.dtype];
    const values = valuesOf(this);
    this.numbers =
      kind === "int"
        ? Int32Array.from(values)
        : kind === "uint"
          ? Uint32Array.from(values)
          : Float32Array.from(values);
    return this.numbers;
  }
}
