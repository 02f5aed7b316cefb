/** Values of tensors: dense row-major typed arrays. Floats of 16 and fewer bits are held as the fp32 numbers they stand for. */
import { OpenTrnError } from "@opentrn/base";
import { roundTo } from "@opentrn/numerics";
import { siteHere } from "./site.ts";
import { type ElementType, isFloatType, printType, sizeOf, type TensorType } from "./types.ts";

/**
 * `fp32`: the reference, one fp32 rounding a step and a storage rounding for narrower types. `float64`: the oracle, every float in
 * double precision and never rounded to its type.
 */
export type Arithmetic = "fp32" | "float64";

export type Data =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array;

export interface Tensor {
  readonly type: TensorType;
  readonly data: Data;
}

const integerStorage: Partial<Record<ElementType, new (n: number) => Data>> = {
  bool_: Uint8Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
};

/** Zeros of that type. */
export function allocate(type: TensorType, arithmetic: Arithmetic): Data {
  const n = sizeOf(type.shape);
  const Storage = integerStorage[type.dtype];
  if (Storage) return new Storage(n);
  return arithmetic === "float64" ? new Float64Array(n) : new Float32Array(n);
}

const exactInFp32 = (d: ElementType): boolean => d === "float32" || integerStorage[d] !== undefined;

/** Rounds in place to what survives a store as that type; nothing to do in float64. */
export function roundToStorage(data: Data, dtype: ElementType, arithmetic: Arithmetic): void {
  if (arithmetic === "float64" || exactInFp32(dtype)) return;
  for (let i = 0; i < data.length; i++) data[i] = roundTo(data[i]!, dtype);
}

/** One number as a tensor of that type holds it; stops when an integer type cannot. */
export function representable(x: number, dtype: ElementType): number {
  const Storage = integerStorage[dtype];
  if (!Storage) return roundTo(Math.fround(x), dtype);
  const cell = new Storage(1);
  cell[0] = x;
  if (cell[0] === x && (dtype !== "bool_" || x <= 1)) return x;
  throw new OpenTrnError(`${x} is no ${dtype}; pass a value that the type holds`, {
    category: "bad input",
    at: siteHere().location,
  });
}

/**
 * A tensor of those values, row-major. Floats round to the type as a store does (not in float64); integers must be in range.
 * Stops with `bad input` when the count is wrong.
 */
export function tensorOf(
  type: TensorType,
  values: ArrayLike<number>,
  arithmetic: Arithmetic = "fp32",
): Tensor {
  const n = sizeOf(type.shape);
  if (values.length !== n)
    throw new OpenTrnError(
      `${printType(type)} has ${n} elements, ${values.length} were given; pass them row-major`,
      { category: "bad input", at: siteHere().location },
    );
  const data = allocate(type, arithmetic);
  if (isFloatType(type)) {
    for (let i = 0; i < n; i++) data[i] = values[i]!;
    roundToStorage(data, type.dtype, arithmetic);
  } else for (let i = 0; i < n; i++) data[i] = representable(values[i]!, type.dtype);
  return { type, data };
}
