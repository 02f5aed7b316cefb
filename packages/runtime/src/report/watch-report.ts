/** The part of a report about watched tensors. */
import type { WatchedWrite, WatchLog } from "@opentrn/device";
import { jsonValue } from "./report.ts";

type Numbers = "min" | "max" | "mean" | "values";

/** A write as JSON: numbers that are not finite are strings. */
export interface WriteReport extends Omit<WatchedWrite, Numbers> {
  readonly min: number | string;
  readonly max: number | string;
  readonly mean: number | string;
  readonly values: readonly (number | string)[];
}

export interface WatchReport {
  /** All writes; `writes` has the first and the last of them, in order. */
  readonly count: number;
  /** Writes left out after the first ones of `writes`, and how many come before the gap. */
  readonly omitted: number;
  readonly kept_first: number;
  readonly writes: readonly WriteReport[];
}

export const watchReport = ({ count, first, last }: WatchLog): WatchReport => ({
  count,
  omitted: count - first.length - last.length,
  kept_first: first.length,
  writes: [...first, ...last].map((w) => ({
    ...w,
    min: jsonValue(w.min),
    max: jsonValue(w.max),
    mean: jsonValue(w.mean),
    values: w.values.map(jsonValue),
  })),
});
