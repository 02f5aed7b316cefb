/** Checks of dimension lists that many constraints share; each returns what is wrong, or undefined. */
import type { Call, Constraint } from "../define.ts";
import { printType, sameType } from "../types.ts";

export const list = (dims: readonly number[]): string => `[${dims.join(", ")}]`;

/** Every entry names one of `rank` dimensions. */
export const inRange = (
  name: string,
  dims: readonly number[],
  rank: number,
): string | undefined => {
  const bad = dims.find((d) => d < 0 || d >= rank);
  return bad === undefined
    ? undefined
    : `${name} ${list(dims)} names dimension ${bad} of a tensor of rank ${rank}`;
};

export const unique = (name: string, dims: readonly number[]): string | undefined =>
  new Set(dims).size === dims.length ? undefined : `${name} ${list(dims)} repeats a dimension`;

export const ascending = (name: string, dims: readonly number[]): string | undefined =>
  dims.every((d, i) => i === 0 || d > dims[i - 1]!)
    ? undefined
    : `${name} ${list(dims)} is not ascending without repeats; sort it`;

export const length = (name: string, dims: readonly number[], n: number): string | undefined =>
  dims.length === n ? undefined : `${name} ${list(dims)} has ${dims.length} entries, needs ${n}`;

/** All operands have one type. */
export const sameTypes: Constraint<Record<never, never>> = {
  says: "the operands have the same shape and element type",
  broken: ({ operands }: Call<Record<never, never>>) => {
    const [first] = operands;
    const other = operands.find((t) => !sameType(first!, t));
    return (
      other &&
      `${printType(first!)} with ${printType(other)}; broadcast or convert one of them first`
    );
  },
};
