/** What becomes of a unit's sums: rounded into rows of the results, or put through an epilogue. */
import { invariant } from "@opentrn/base";
import type { Value } from "@opentrn/ir";
import type { Emitter } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import { Block } from "../rows/block.ts";
import { merge } from "./axes.ts";
import { copySums, Rows, type Shared, type Sums, type Target } from "./drain.ts";
import type { Segment } from "./group.ts";
import { placeOf } from "./place.ts";
import { dimsOf } from "./product.ts";
import type { Unit } from "./units.ts";

/** Takes the finished sums of a unit, one for every product of the segment. */
export type Finish = (unit: Unit, sums: readonly Sums[]) => void;

export interface FinishContext {
  readonly emit: Emitter;
  readonly shared: Shared;
  /** Rows and columns of the largest unit. */
  readonly unit: readonly [rows: number, columns: number];
  /** Rows of one batch index. */
  readonly M: number;
  /** Bytes of a partition for an epilogue's tiles. */
  readonly budget: number;
  readonly input: (param: Value) => View;
  readonly output: (i: number) => View;
}

/** Tiles of finished rows, and their columns. */
export interface RowTiles {
  readonly depth: number;
  readonly columns: number;
}

/** Results that are the product itself. */
export function plainFinish(context: FinishContext, segment: Segment, tiles: RowTiles): Finish {
  const { emit, shared, unit: largest } = context;
  const [dot] = segment.dots;
  const { batch, free } = dimsOf(dot!, 0);
  const outs = segment.results.map(({ value, index }) => {
    const place = placeOf(value, dot!);
    invariant(place, "a plain result has its place");
    const [from, to] = [batch.length, batch.length + free.length];
    const target: Target = {
      tensor: context.output(index),
      batch: place.slice(0, from).flat(),
      rows: merge(place.slice(from, to).flat()),
      columns: merge(place.slice(to).flat()),
    };
    const columns = Math.max(largest[1], tiles.columns);
    return { target, rows: new Rows(emit, value.type.dtype, largest[0], columns, tiles.depth) };
  });
  return (unit, [sums]) => {
    for (const { target, rows } of outs) {
      copySums(emit, shared, rows.next(unit), sums!);
      rows.done(unit, largest[1], target);
    }
  };
}

/** Results that operations make of the products, unit by unit. */
export function blockFinish(context: FinishContext, segment: Segment): Finish {
  const { emit, shared } = context;
  const spec = segment.epilogue;
  invariant(spec, "the segment has an epilogue");
  const block = Block.of({ ...spec, budget: context.budget }, emit);
  invariant(typeof block !== "string", "refuses has asked before");
  return (unit, sums) => {
    const products = new Map<Value, View>();
    segment.dots.forEach((dot, i) => {
      const { psum, before } = sums[i]!;
      if (before) copySums(emit, shared, before, { psum, before });
      products.set(dot.results[0]!, before ?? psum);
    });
    const row = unit.batch * context.M;
    block.emit({
      rows: [row + unit.m, row + unit.mTo],
      columns: [unit.n, unit.nTo],
      bind: (v) => products.get(v) ?? context.input(v),
    });
    for (const { value, index } of segment.results) block.store(value, context.output(index));
  };
}
