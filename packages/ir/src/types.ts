/** Types of tensors: a static shape and an element type. Text names follow StableHLO (`tensor<2x3xbf16>`). */
import { type DType, dtypeInfo } from "@opentrn/numerics";

/** Every data type of the chip that has single elements; packed MX types are moved, not computed with. */
export type ElementType = Exclude<DType, `${string}_x4`>;

/** The element type's name in the text form. Source: StableHLO specification, Types. */
export const elementNames = {
  bool_: "i1",
  int8: "i8",
  uint8: "ui8",
  int16: "i16",
  uint16: "ui16",
  int32: "i32",
  uint32: "ui32",
  float8_e4m3: "f8E4M3",
  float8_e4m3fn: "f8E4M3FN",
  float8_e5m2: "f8E5M2",
  float8_e8m0fnu: "f8E8M0FNU",
  float16: "f16",
  bfloat16: "bf16",
  tfloat32: "tf32",
  float32: "f32",
} as const satisfies Record<ElementType, string>;

export const elementTypes = Object.keys(elementNames) as readonly ElementType[];
const byName = new Map<string, ElementType>(elementTypes.map((t) => [elementNames[t], t]));
/** The element type with that name in the text form. */
export const elementTypeNamed = (name: string): ElementType | undefined => byName.get(name);

export interface TensorType {
  readonly shape: readonly number[];
  readonly dtype: ElementType;
}

/** `tensor([2, 3])` is fp32; shapes are checked where the type is used (rule G4). */
export const tensor = (shape: readonly number[], dtype: ElementType = "float32"): TensorType => ({
  shape: [...shape],
  dtype,
});

export const isFloatType = (t: TensorType): boolean => dtypeInfo[t.dtype].kind === "float";
export const isBoolType = (t: TensorType): boolean => t.dtype === "bool_";
/** int8 to uint32, without bool. */
export const isIntegerType = (t: TensorType): boolean => !isFloatType(t) && !isBoolType(t);

export const sizeOf = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);
export const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((d, i) => d === b[i]);
export const sameType = (a: TensorType, b: TensorType): boolean =>
  a.dtype === b.dtype && sameShape(a.shape, b.shape);

/** `tensor<2x3xf32>`; a scalar is `tensor<f32>`. */
export const printType = (t: TensorType): string =>
  `tensor<${[...t.shape, elementNames[t.dtype]].join("x")}>`;
