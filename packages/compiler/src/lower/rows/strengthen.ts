/**
 * Patterns of operations as operations of ours that the IR does not have, before a group is laid out:
 * - GELU and its derivative by the same value share their logistic, so that ScalarE need not change between tables;
 * - `pick`: the sum of a row where column numbers equal a label, or a gather along rows, is one element of the row, which a DMA fetches.
 */
import { type Func, isIntegerType, type Operation, sizeOf, type Value } from "@opentrn/ir";
import { GeluPairs } from "./gelu-pairs.ts";
import { ownOperation } from "./own-operation.ts";

export interface Strengthened {
  readonly ops: readonly Operation[];
  readonly results: readonly Value[];
  /** What stands for a value of the group. */
  readonly here: (v: Value) => Value;
}

/** What takes the place of an operation; new operations are added to `made`. */
type Pattern = (op: Operation, made: Operation[]) => Value | undefined;

const numbers = (op: Operation, name: string): readonly number[] =>
  op.attrs[name] as readonly number[];

const splat = (v: Value): number | undefined => {
  const value = v.op.name === "constant" ? v.op.attrs["value"] : undefined;
  return typeof value === "number" ? value : undefined;
};

/** Largest index that a run-time offset may have. */
const MOST_ELEMENTS = 2 ** 31;

/** The label of a comparison of column numbers with a label a row, if it is one. */
function labelOf(hit: Operation, d: number): Value | undefined {
  if (hit.name !== "compare" || hit.attrs["comparison_direction"] !== "EQ") return undefined;
  const [a, b] = hit.operands;
  const [columns, label] = a!.op.name === "iota" ? [a!, b!] : [b!, a!];
  if (columns.op.name !== "iota" || columns.op.attrs["iota_dimension"] !== d) return undefined;
  if (label.op.name !== "broadcast_in_dim") return undefined;
  const [own] = label.op.operands;
  const at = numbers(label.op, "broadcast_dimensions");
  const rowsOnly = at.length === d && at.every((to, i) => to === i);
  return rowsOnly && isIntegerType(own!.type) ? own : undefined;
}

/** sum(select(column = label, x, 0)) over the last dimension, x a parameter or a wider form of one. */
const pick: Pattern = (op, made) => {
  if (op.name !== "reduce" || op.attrs["body"] !== "add") return undefined;
  const chosen = op.operands[0]!.op;
  const d = op.operands[0]!.type.shape.length - 1;
  const [only, ...others] = numbers(op, "dimensions");
  if (chosen.name !== "select" || only !== d || others.length > 0) return undefined;
  const [hit, x, zero] = chosen.operands as [Value, Value, Value];
  const label = labelOf(hit.op, d);
  const row = x.op.name === "convert" ? x.op.operands[0]! : x;
  if (!label || splat(zero) !== 0 || row.op.name !== "parameter") return undefined;
  if (sizeOf(row.type.shape) >= MOST_ELEMENTS || row.type.dtype === "bool_") return undefined;
  const { shape, dtype } = op.results[0]!.type;
  const type = { shape, dtype: row.type.dtype };
  const picked = ownOperation(op, "pick", [row, label], type, { outside: "zero" });
  made.push(picked.op);
  if (dtype === row.type.dtype) return picked;
  const wide = ownOperation(op, "convert", [picked], { shape, dtype }, { dtype });
  made.push(wide.op);
  return wide;
};

/** takeAlongAxis over the last dimension of a parameter, one element a row; indices are clamped. */
const gathered: Pattern = (op, made) => {
  if (op.name !== "gather") return undefined;
  const [x, indices] = op.operands as [Value, Value];
  const d = x.type.shape.length - 1;
  const { shape } = indices.type;
  const list = (name: string): string => numbers(op, name).join();
  const others = x.type.shape
    .map((_, i) => i)
    .slice(0, -1)
    .join();
  const along =
    x.op.name === "parameter" &&
    d > 0 &&
    shape.length === d + 1 &&
    shape[d] === 1 &&
    list("offset_dims") === "" &&
    list("collapsed_slice_dims") === `${d}` &&
    list("operand_batching_dims") === others &&
    list("start_indices_batching_dims") === others &&
    list("start_index_map") === `${d}` &&
    op.attrs["index_vector_dim"] === d + 1;
  if (!along || sizeOf(x.type.shape) >= MOST_ELEMENTS || x.type.dtype === "bool_") return undefined;
  const { type } = op.results[0]!;
  const picked = ownOperation(op, "pick", [x, indices], type, { outside: "clamp" });
  made.push(picked.op);
  return picked;
};

const patterns: readonly Pattern[] = [pick, gathered];

/** What a group is made of. */
export type Group = Pick<Func, "body" | "results">;

/** The group with patterns replaced; the group's own operations where there are none. */
export function strengthen(group: Group): Strengthened {
  const now = new Map<Value, Value>();
  const here = (v: Value): Value => now.get(v) ?? v;
  const ops: Operation[] = [];
  const pairs = new GeluPairs(group.body);
  for (const op of group.body) {
    const operands = op.operands.map(here);
    const same = operands.every((v, i) => v === op.operands[i]);
    const current = same ? op : rebuilt(op, operands);
    const made: Operation[] = [];
    const found =
      op.results.length === 1
        ? (pairs.replace(op, current, made) ?? firstOf(current, made))
        : undefined;
    ops.push(...(found ? made : [current]));
    op.results.forEach((v, i) => {
      const to = found ?? current.results[i]!;
      if (to !== v) now.set(v, to);
    });
  }
  const results = group.results.map(here);
  return { ops: needed(ops, results), results, here };
}

function firstOf(op: Operation, made: Operation[]): Value | undefined {
  for (const pattern of patterns) {
    const v = pattern(op, made);
    if (v) return v;
  }
  return undefined;
}

function rebuilt(op: Operation, operands: readonly Value[]): Operation {
  const results: Value[] = [];
  const made: Operation = { ...op, operands, results };
  for (const v of op.results) results.push({ ...v, op: made });
  return made;
}

/** Operations that results depend on, in their order. */
function needed(ops: readonly Operation[], results: readonly Value[]): readonly Operation[] {
  const wanted = new Set(results.map((v) => v.op));
  const kept: Operation[] = [];
  for (const op of ops.toReversed()) {
    if (!wanted.has(op)) continue;
    kept.push(op);
    for (const v of op.operands) wanted.add(v.op);
  }
  return kept.reverse();
}
