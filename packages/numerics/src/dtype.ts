/** The data types of the chip: one row each. The position in the table is the type's number in Programs and records. */
import { OpenTrnError } from "@opentrn/base";

export interface DTypeInfo {
  /** Bytes of one element in memory. */
  readonly bytes: number;
  readonly kind: "float" | "int" | "uint" | "packed";
  /** Exponent and explicit mantissa bits of a float. */
  readonly exponent?: number;
  readonly mantissa?: number;
  /** How the top exponent is used: IEEE infinities, only one NaN (fn), or neither sign nor zero (e8m0). */
  readonly special?: "ieee" | "fn" | "e8m0";
  /** Short name of the text form. */
  readonly short: string;
  /** Generations that take it; absent means all. */
  readonly since?: 2 | 3 | 4;
  /** For packed types: the element type and how many an element holds. */
  readonly packs?: { readonly dtype: string; readonly count: number };
}

/** Source: NKI API reference, nki.language data types (NKI 0.6.0). */
export const dtypes = {
  bool_: { bytes: 1, kind: "uint", short: "b8" },
  int8: { bytes: 1, kind: "int", short: "i8" },
  uint8: { bytes: 1, kind: "uint", short: "u8" },
  int16: { bytes: 2, kind: "int", short: "i16" },
  uint16: { bytes: 2, kind: "uint", short: "u16" },
  int32: { bytes: 4, kind: "int", short: "i32" },
  uint32: { bytes: 4, kind: "uint", short: "u32" },
  float8_e4m3: {
    bytes: 1,
    kind: "float",
    exponent: 4,
    mantissa: 3,
    special: "ieee",
    short: "f8e4",
  },
  float8_e4m3fn: {
    bytes: 1,
    kind: "float",
    exponent: 4,
    mantissa: 3,
    special: "fn",
    short: "f8e4fn",
    since: 4,
  },
  float8_e5m2: {
    bytes: 1,
    kind: "float",
    exponent: 5,
    mantissa: 2,
    special: "ieee",
    short: "f8e5",
  },
  float8_e8m0fnu: {
    bytes: 1,
    kind: "float",
    exponent: 8,
    mantissa: 0,
    special: "e8m0",
    short: "f8e8",
    since: 4,
  },
  float16: { bytes: 2, kind: "float", exponent: 5, mantissa: 10, special: "ieee", short: "f16" },
  bfloat16: { bytes: 2, kind: "float", exponent: 8, mantissa: 7, special: "ieee", short: "bf16" },
  tfloat32: { bytes: 4, kind: "float", exponent: 8, mantissa: 10, special: "ieee", short: "tf32" },
  float32: { bytes: 4, kind: "float", exponent: 8, mantissa: 23, special: "ieee", short: "f32" },
  float8_e4m3fn_x4: {
    bytes: 4,
    kind: "packed",
    short: "f8e4fnx4",
    since: 4,
    packs: { dtype: "float8_e4m3fn", count: 4 },
  },
  float8_e5m2_x4: {
    bytes: 4,
    kind: "packed",
    short: "f8e5x4",
    since: 4,
    packs: { dtype: "float8_e5m2", count: 4 },
  },
  float4_e2m1fn_x4: {
    bytes: 2,
    kind: "packed",
    short: "f4x4",
    since: 4,
    packs: { dtype: "float4_e2m1fn", count: 4 },
  },
} as const satisfies Record<string, DTypeInfo>;

export type DType = keyof typeof dtypes;
export const dtypeNames = Object.keys(dtypes) as readonly DType[];
export const dtypeInfo: Readonly<Record<DType, DTypeInfo>> = dtypes;
/** The type's number in records; 0 is bool_. */
export const dtypeId = Object.fromEntries(dtypeNames.map((d, i) => [d, i])) as Readonly<
  Record<DType, number>
>;

export const isFloat = (d: DType): boolean => dtypeInfo[d].kind === "float";
export const isInteger = (d: DType): boolean =>
  dtypeInfo[d].kind === "int" || dtypeInfo[d].kind === "uint";
export const bytesOf = (d: DType): number => dtypeInfo[d].bytes;

/** The type with that number; throws `invalid program` for a number outside the table. */
export function dtypeOf(id: number): DType {
  const name = dtypeNames[id];
  if (name === undefined)
    throw new OpenTrnError(
      `data type number ${id} does not exist; there are ${dtypeNames.length}`,
      { category: "invalid program" },
    );
  return name;
}
