/** Watched tensors: every write to them as it happens, with what it left there. */
import { locationOf, type Program } from "@opentrn/isa";
import type { DType } from "@opentrn/numerics";
import type { Observer } from "../execute/observer.ts";
import { sliceText } from "./slice-text.ts";
import { writersOf } from "./writes.ts";

/** One write to a watched tensor; statistics are over the elements that it wrote. */
export interface WatchedWrite {
  readonly tensor: string;
  readonly instruction: string;
  /** Program index of the instruction. */
  readonly index: number;
  readonly core: number;
  readonly file: string | null;
  readonly line: number | null;
  /** What was written, as a slice where it is one. */
  readonly slice: string;
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** Over elements that are numbers; NaN where none is. */
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly nan: number;
  /** The first few elements. */
  readonly values: readonly number[];
}

export interface WatchLog {
  /** All writes, of which `first` and `last` are kept. */
  readonly count: number;
  readonly first: readonly WatchedWrite[];
  readonly last: readonly WatchedWrite[];
}

/** Writes kept from the beginning and from the end, and elements shown of each. */
const FIRST = 24;
const LAST = 8;
const SHOWN = 8;

/** An observer of every write to `storages`, and what it saw so far. */
export function watch(
  program: Program,
  storages: ReadonlySet<number>,
): { readonly observer: Observer; readonly log: () => WatchLog } {
  const writers = writersOf(program, storages);
  const first: WatchedWrite[] = [];
  const last: (() => WatchedWrite)[] = [];
  let count = 0;
  const observer: Observer = {
    instructions: new Set(writers.keys()),
    after: (o) => {
      for (const pattern of writers.get(o.index)!) {
        count++;
        const { dtype, shape, values } = o.values({ kind: "tile", pattern });
        const write = (): WatchedWrite => ({
          tensor: program.storages[pattern.storage]!.name,
          instruction: program.classes[program.classOf[o.index]!]!.op.name,
          index: o.index,
          core: o.core,
          ...place(program, o.index),
          slice: sliceText(program, pattern),
          shape,
          dtype,
          ...statistics(values),
        });
        if (first.length < FIRST) first.push(write());
        else {
          last.push(write);
          if (last.length > LAST) last.shift();
        }
      }
    },
  };
  return { observer, log: () => ({ count, first, last: last.map((make) => make()) }) };
}

function place(
  program: Program,
  index: number,
): { readonly file: string | null; readonly line: number | null } {
  const at = locationOf(program, index);
  return { file: at?.file ?? null, line: at?.line ?? null };
}

function statistics(
  values: ArrayLike<number>,
): Pick<WatchedWrite, "min" | "max" | "mean" | "nan" | "values"> {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let sum = 0;
  let nan = 0;
  for (let i = 0; i < values.length; i++) {
    const v = values[i]!;
    if (Number.isNaN(v)) {
      nan++;
      continue;
    }
    if (v < min) min = v;
    if (v > max) max = v;
    sum += v;
  }
  const numbers = values.length - nan;
  const known = numbers > 0;
  return {
    min: known ? min : Number.NaN,
    max: known ? max : Number.NaN,
    mean: known ? sum / numbers : Number.NaN,
    nan,
    values: Array.from({ length: Math.min(SHOWN, values.length) }, (_, i) => values[i]!),
  };
}
