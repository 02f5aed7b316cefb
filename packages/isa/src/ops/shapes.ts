/** Shape tests that rules share. Each returns what is wrong, or undefined. */
import type { OperandData, Tile } from "../define.ts";

const size = (t: Tile): string => `[${t.shape}]`;

/** Same partitions and same elements per partition; the free dimensions may be split differently. */
export function sameSize(names: Readonly<Record<string, Tile | undefined>>): string | undefined {
  const given = Object.entries(names).filter((e): e is [string, Tile] => e[1] !== undefined);
  const [firstName, first] = given[0]!;
  for (const [name, t] of given)
    if (t.partitions !== first.partitions || t.free !== first.free)
      return `${firstName} is ${size(first)}, ${name} is ${size(t)}; they need the same partitions and the same elements per partition`;
  return undefined;
}

/** A per-partition vector: one element a partition, or a whole-tile operand of one partition. */
export function isColumn(
  name: string,
  t: Tile | undefined,
  partitions: number,
): string | undefined {
  if (t === undefined || (t.free === 1 && t.partitions === partitions)) return undefined;
  return `${name} is ${size(t)}, must be [${partitions},1]: one value a partition`;
}

/** The value of a scalar or (P,1) operand at partition `p`. */
export const columnAt = (data: OperandData, p: number): number =>
  data.length === 1 ? data[0]! : data[p]!;

export const inPsum = (...tiles: (Tile | undefined)[]): boolean =>
  tiles.every((t) => t?.space === "psum");

export const isOneElement = (name: string, t: Tile): string | undefined =>
  t.partitions * t.free === 1 ? undefined : `${name} is ${size(t)}, must be one element`;

/** The part of a per-lane state that an instruction on this input tile uses: partition i streams through lane i. */
export const lanesOf = (state: Float32Array, input: Tile): Float32Array =>
  state.subarray(input.startPartition);
