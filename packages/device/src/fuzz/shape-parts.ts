/** What the rows of operand shapes are made of: sizes worth trying, tiles with types and contents, immediate numbers. */
import type { Random } from "@opentrn/base";
import type { Chip } from "@opentrn/chips";
import type { AnyInstruction, OperandSpec } from "@opentrn/isa";
import { type DType, dtypeInfo, dtypeNames } from "@opentrn/numerics";

/** What a tile holds: mostly ordinary values of its type, integers below a bound (indices), or numbers in [0, 1). */
export type Contents = { readonly below: number } | "unit" | undefined;

/** A tile of that shape (partitions first), an immediate number, or left out. */
export type Form =
  | {
      readonly shape: readonly number[];
      readonly dtype?: DType;
      readonly contents?: Contents;
      /** First partition inside its quadrant. */
      readonly start?: number;
    }
  | { readonly value: number }
  | undefined;

export interface Drawn {
  readonly forms: Readonly<Record<string, Form>>;
  /** Attributes that must fit the shapes. */
  readonly attrs?: Readonly<Record<string, unknown>>;
}
export type Draw = (r: Random, op: AnyInstruction, chip: Chip) => Drawn;

export const partitions = [1, 2, 3, 7, 16, 31, 32, 48, 64, 100, 128] as const;
export const quadrants = [32, 64, 96, 128] as const;
const sizes = [1, 2, 3, 5, 8, 16, 17, 33, 64, 100, 130] as const;

/** One to three free dimensions of at most `most` elements together. */
export function free(r: Random, most = 400): number[] {
  const rank = 1 + r.below(3);
  const shape: number[] = [];
  let left = most;
  for (let d = 0; d < rank; d++) {
    const n = Math.min(left, d === 0 ? r.pick(sizes) : 1 + r.below(6));
    shape.push(Math.max(1, n));
    left = Math.floor(left / Math.max(1, n));
  }
  return shape;
}

export const tile = (...shape: number[]): Form => ({ shape });
export const typed = (dtype: DType, ...shape: number[]): Form => ({ shape, dtype });
export const float32 = (...shape: number[]): Form => typed("float32", ...shape);
/** A tile of integers below `below`. */
export const indices = (dtype: DType, below: number, ...shape: number[]): Form => ({
  shape,
  dtype,
  contents: { below },
});
export const number = (r: Random): Form => ({
  value: r.pick([0, 1, -1, 2, 0.5, 3, -7, 1e-3, 100]),
});
/** A number or one fp32 value a partition. */
export const scalar = (r: Random, P: number): Form => (r.below(2) ? number(r) : float32(P, 1));
export const maybe = (r: Random, form: Form): Form => (r.below(2) ? form : undefined);

/** Types a tile may have that its record leaves open. */
export const dtypesOf = (chip: Chip): DType[] =>
  dtypeNames.filter((d) => (dtypeInfo[d].since ?? 2) <= chip.generation);

/** One type for operands that must agree. */
export const oneType = (r: Random, op: AnyInstruction, chip: Chip, name: string): DType => {
  const spec = (op.operands as Record<string, OperandSpec>)[name]!;
  const allowed = spec.dtypes?.filter((d) => (dtypeInfo[d].since ?? 2) <= chip.generation);
  return r.pick(allowed ?? dtypesOf(chip));
};
