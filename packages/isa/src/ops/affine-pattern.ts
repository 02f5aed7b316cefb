/** The affine values that iota writes and affine_select compares: offset + partition * multiplier + a walk over [step, count] pairs. */
import type { AnyCall } from "../define.ts";
import type { SharedRule } from "./shared-rules.ts";

type Attrs = Pick<AnyCall, "attr">;
const patternOf = (call: Attrs): readonly number[] => call.attr["pattern"] as readonly number[];

/** Values of one partition, row-major, in wrapping 32-bit integer arithmetic. */
export function affineRow(call: Attrs, partition: number): Int32Array {
  const pattern = patternOf(call);
  const offset = call.attr["offset"] as number;
  const multiplier = call.attr["channel_multiplier"] as number;
  let row = Int32Array.of((offset + Math.imul(partition, multiplier)) | 0);
  for (let d = 0; d < pattern.length; d += 2) {
    const [step, count] = [pattern[d]!, pattern[d + 1]!];
    const next = new Int32Array(row.length * count);
    let n = 0;
    for (const base of row) for (let i = 0; i < count; i++) next[n++] = base + Math.imul(i, step);
    row = next;
  }
  return row;
}

export const patternForm: SharedRule = {
  says: "pattern is one to four [step, count] pairs with positive counts",
  broken: (call) => {
    const p = patternOf(call);
    return p.length >= 2 &&
      p.length <= 8 &&
      p.length % 2 === 0 &&
      p.every((v, i) => i % 2 === 0 || v > 0)
      ? undefined
      : `pattern is [${p}]`;
  },
};

export const patternFills = (name: string): SharedRule => ({
  says: `the pattern makes as many values as ${name} has elements per partition`,
  broken: (call) => {
    const made = patternOf(call).reduce((n, v, i) => (i % 2 === 1 ? n * v : n), 1);
    const t = call.tile[name]!;
    return made === t.free
      ? undefined
      : `the pattern makes ${made} values, ${name} [${t.shape}] has ${t.free} a partition`;
  },
});
