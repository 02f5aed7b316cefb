/** Rules and the matching that max8, nc_find_index8 and nc_match_replace8 share. */
import { bytesOf, type DType } from "@opentrn/numerics";
import type { SharedRule } from "./shared-rules.ts";

const most = 16384;

export const searchable = (name: string, least: number): SharedRule => ({
  says: `${name} has ${least} to ${most} elements per partition`,
  broken: ({ tile }) => {
    const n = tile[name]!.free;
    return n >= least && n <= most ? undefined : `${name} has ${n} elements per partition`;
  },
});

/** The named operands are [P, 8] beside `beside`. */
export const eightEach = (beside: string, ...names: readonly string[]): SharedRule => ({
  says: `${names.join(" and ")} ${names.length === 1 ? "has" : "have"} ${beside}'s partitions and 8 elements per partition`,
  broken: ({ tile }) => {
    const P = tile[beside]!.partitions;
    for (const name of names) {
      const t = tile[name];
      if (t && (t.partitions !== P || t.free !== 8))
        return `${name} is [${t.shape}], must be [${P},8]`;
    }
    return undefined;
  },
});

/** What an index slot holds when its value was not found: all ones of the type. */
export const notFound = (d: DType): number => 2 ** (8 * bytesOf(d)) - 1;

/**
 * First position of each of 8 values among `row`, every position used once; `order` is the order in which values choose.
 * -1: not found. NaN is never found.
 */
export function positionsOf(
  row: ArrayLike<number>,
  values: ArrayLike<number>,
  order: readonly number[],
): number[] {
  const taken = new Set<number>();
  const found = new Array<number>(8).fill(-1);
  for (const slot of order)
    for (let i = 0; i < row.length; i++)
      if (row[i] === values[slot] && !taken.has(i)) {
        taken.add(i);
        found[slot] = i;
        break;
      }
  return found;
}
