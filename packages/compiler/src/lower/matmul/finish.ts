/** What becomes of a unit's sums: rounded into rows of the results, or put through an epilogue. */
import { invariant } from "@opentrn/base";
import { type Operation, sameShape, type Value } from "@opentrn/ir";
import { records } from "@opentrn/isa";
import { bytesOf } from "@opentrn/numerics";
import type { Emitter } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import type { BlockSpec } from "../rows/block.ts";
import { merge } from "./axes.ts";
import { copySums, Rows, type Shared, type Sums, type Target } from "./drain.ts";
import type { Segment } from "./group.ts";
import { type LanePlan, Lanes } from "./lanes.ts";
import { placeOf } from "./place.ts";
import { dimsOf } from "./product.ts";
import type { Unit } from "./units.ts";

export interface Finish {
  /** Takes the finished sums of a unit, one for every product of the segment. */
  readonly take: (unit: Unit, sums: readonly Sums[]) => void;
  /** Nothing that was taken may be read later than now. */
  readonly flush: () => void;
  /** What an epilogue's busiest engine has to do, over what the array has to. */
  readonly load: () => number;
}

export interface FinishContext {
  readonly emit: Emitter;
  readonly shared: Shared;
  /** Rows and columns of the largest unit. */
  readonly unit: readonly [rows: number, columns: number];
  /** What the array takes for one. */
  readonly unitNs: number;
  /** Rows of one batch index. */
  readonly M: number;
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
  return {
    take: (unit, [sums]) => {
      for (const { target, rows } of outs) {
        copySums(emit, shared, rows.next(unit), sums!);
        rows.done(unit, largest[1], target);
      }
    },
    flush: () => {},
    load: () => 0,
  };
}

/** Results that operations make of the products. */
export function blockFinish(context: FinishContext, segment: Segment, plan: LanePlan): Finish {
  const { emit, shared, unit: largest } = context;
  const spec = segment.epilogue;
  invariant(spec, "the segment has an epilogue");
  const vectors = columnVectors(spec);
  const onChip = [...(spec.onChip ?? []), ...vectors];
  const lanes = new Lanes(emit, { ...spec, onChip }, plan, context.unitNs);
  const spread = new Map(vectors.map((v) => [v, spreadVector(emit, context.input(v), largest[1])]));
  return {
    take: (unit, sums) => {
      const bound = new Map<Value, View>();
      segment.dots.forEach((dot, i) => {
        const { psum, before } = sums[i]!;
        if (before) copySums(emit, shared, before, { psum, before });
        bound.set(dot.results[0]!, before ?? psum);
      });
      for (const [v, part] of spread) bound.set(v, part(unit));
      const row = unit.batch * context.M;
      const request = {
        rows: [row + unit.m, row + unit.mTo] as const,
        columns: [unit.n, unit.nTo] as const,
        bind: (v: Value) => bound.get(v) ?? context.input(v),
      };
      lanes.take(request, (block) => {
        for (const { value, index } of segment.results) block.store(value, context.output(index));
      });
    },
    flush: () => lanes.flush(),
    load: () => lanes.load,
  };
}

/** Bytes of a partition that vectors along the columns may take. */
const VECTOR_BYTES = 16 * 1024;

/** Parameters [columns], such as biases, that the epilogue only repeats along rows: kept on chip, spread over all partitions. */
export function columnVectors(spec: BlockSpec): readonly Value[] {
  const { value, rows, columns } = spec.root;
  if (columns.length !== 1) return [];
  const [d] = columns;
  const n = value.type.shape[d!]!;
  const users = new Map<Value, Operation[]>();
  for (const op of spec.ops)
    for (const v of op.operands) users.set(v, [...(users.get(v) ?? []), op]);
  const alongColumns = (v: Value): boolean =>
    users.get(v)!.every((op) => {
      if (op.name === "convert") return users.has(op.results[0]!) && alongColumns(op.results[0]!);
      const to = op.attrs["broadcast_dimensions"] as readonly number[] | undefined;
      return (
        op.name === "broadcast_in_dim" &&
        to?.join() === `${d}` &&
        sameShape(op.results[0]!.type.shape, value.type.shape)
      );
    });
  let room = rows.length > 0 ? VECTOR_BYTES : 0;
  return [...users.keys()].filter((v) => {
    if (v.op.name !== "parameter" || v.type.shape.length !== 1 || v.type.shape[0] !== n)
      return false;
    const bytes = n * bytesOf(v.type.dtype);
    if (bytes > room || !alongColumns(v)) return false;
    room -= bytes;
    return true;
  });
}

/** A vector over all partitions, loaded in the parts that units have, when they come. */
function spreadVector(emit: Emitter, vector: View, width: number): (unit: Unit) => View {
  const partitions = emit.chip.partitions.value;
  const held = emit.sbuf(vector.dtype, [partitions, vector.shape[0]!], "vector");
  const loaded = new Set<number>();
  return ({ n, nTo }) => {
    const part = held.slice(1, n, nTo);
    const known = Math.floor(n / width);
    if (!loaded.has(known)) {
      loaded.add(known);
      const [from, to] = [known * width, Math.min((known + 1) * width, vector.shape[0]!)];
      const src = vector
        .slice(0, from, to)
        .reshape([1, to - from])
        .repeat(0, partitions);
      emit.emit(records.dmaCopy, { dst: held.slice(1, from, to), src });
    }
    return part;
  };
}
