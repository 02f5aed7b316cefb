/** The graph: values, operations that make them, functions over them. Everything is immutable; a rewrite builds new operations. */
import { invariant } from "@opentrn/base";
import type { AnyOp, AttrsOf, OpRecord } from "./define.ts";
import { checkCall } from "./general-rules.ts";
import type { OpName, OpTable } from "./ops/table.ts";
import { type Site, siteHere } from "./site.ts";
import type { TensorType } from "./types.ts";

export type { OpName } from "./ops/table.ts";

/** One result of an operation. */
export interface Value {
  readonly type: TensorType;
  readonly op: Operation;
  /** Which result of `op`. */
  readonly index: number;
}

export interface Operation {
  /** Grows with every operation built, so that ascending order is an order of execution. */
  readonly serial: number;
  readonly name: OpName;
  readonly operands: readonly Value[];
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly results: readonly Value[];
  readonly site: Site;
}

/** A function with named parameters and any number of results. */
export interface Func {
  readonly name: string;
  /** Results of `parameter` operations, in order. */
  readonly params: readonly Value[];
  /** Operations in order of execution, parameters left out. */
  readonly body: readonly Operation[];
  readonly results: readonly Value[];
}

let table: Readonly<Record<string, AnyOp>> = {};
/** Called once by the table of operations; late, because gradient rules build operations themselves. */
export const installOps = (ops: Readonly<Record<string, AnyOp>>): void => {
  table = ops;
};
/** The record of that operation. */
export function recordOf(name: string): AnyOp {
  const record = table[name];
  invariant(record, `no operation is called ${name}`);
  return record;
}
export const isOpName = (name: string): name is OpName => Object.hasOwn(table, name);
/** Names of all operations. */
export const opNames = (): readonly OpName[] => Object.keys(table) as OpName[];

export type OpAttrs<N extends OpName> = OpTable[N] extends OpRecord<infer A> ? AttrsOf<A> : never;

let serials = 0;

/** Builds one operation and returns its results. Stops with the user's line when a rule is broken. */
export function emit<N extends OpName>(
  name: N,
  operands: readonly Value[],
  attrs: OpAttrs<N>,
): readonly Value[] {
  return emitAny(name, operands, attrs as Readonly<Record<string, unknown>>);
}

/** `emit` for callers that know the name only at run time, such as the parser. */
export function emitAny(
  name: OpName,
  operands: readonly Value[],
  attrs: Readonly<Record<string, unknown>>,
): readonly Value[] {
  const record = recordOf(name);
  const site = siteHere();
  const call = { operands: operands.map((v) => v.type), attrs: withDefaults(record, attrs) };
  checkCall(record, call, site);
  const results: Value[] = [];
  const op: Operation = {
    serial: serials++,
    name,
    operands,
    attrs: call.attrs,
    results,
    site,
  };
  record.infer(call).forEach((type, index) => {
    results.push({ type, op, index });
  });
  return results;
}

/** `emit` for an operation with one result. */
export const emitOne = <N extends OpName>(
  name: N,
  operands: readonly Value[],
  attrs: OpAttrs<N>,
): Value => emit(name, operands, attrs)[0]!;

function withDefaults(
  record: AnyOp,
  attrs: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const all: Record<string, unknown> = {};
  for (const name in record.attrs) {
    const value = attrs[name] ?? record.attrs[name].default;
    if (value !== undefined) all[name] = value;
  }
  return all;
}

/** Every operation that `results` need, in order of execution, parameters included. */
export function operationsOf(results: readonly Value[]): readonly Operation[] {
  const seen = new Set<Operation>();
  const open = results.map((v) => v.op);
  for (let op = open.pop(); op; op = open.pop()) {
    if (seen.has(op)) continue;
    seen.add(op);
    for (const v of op.operands) open.push(v.op);
  }
  return [...seen].sort((a, b) => a.serial - b.serial);
}

/** The name of a parameter. */
export const parameterName = (param: Value): string => String(param.op.attrs["name"]);
