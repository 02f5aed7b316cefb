/**
 * The text form: a function a block, an operation a line, `%name = op operands {attributes} : result types`. Parsing it gives a
 * function that prints the same; tests snapshot it.
 */

import { attrTextOf } from "./attr-text.ts";
import type { AttrSpec } from "./define.ts";
import { type Func, type Operation, parameterName, recordOf, type Value } from "./graph.ts";
import { printType } from "./types.ts";

const isDefault = (spec: AttrSpec, value: unknown): boolean =>
  "default" in spec && JSON.stringify(spec.default) === JSON.stringify(value);

/** `{a = 1, b = [2, 3]}` with a space before it, or nothing; defaults and what the result types say are left out. */
export function printAttrs(op: Operation): string {
  const { attrs } = recordOf(op.name);
  const parts = Object.entries(attrs as Record<string, AttrSpec>).flatMap(([name, spec]) => {
    const value = op.attrs[name];
    const text = isDefault(spec, value)
      ? undefined
      : attrTextOf(spec.kind)?.print(value, op.results[0]!.type);
    return text === undefined ? [] : [`${name} = ${text}`];
  });
  return parts.length === 0 ? "" : ` {${parts.join(", ")}}`;
}

/** The names that `print` gives: parameters keep theirs, everything else is numbered. */
export function valueNames(fn: Func): ReadonlyMap<Value, string> {
  const names = new Map<Value, string>(fn.params.map((v) => [v, `%${parameterName(v)}`]));
  let next = 0;
  for (const op of fn.body) for (const v of op.results) names.set(v, `%${next++}`);
  return names;
}

/** One function. */
export function printFunction(fn: Func): string {
  const names = valueNames(fn);
  const refer = (v: Value): string => names.get(v) ?? "%?";
  const list = (values: readonly Value[]): string => values.map(refer).join(", ");
  const types = (values: readonly Value[]): string =>
    values.map((v) => printType(v.type)).join(", ");
  const params = fn.params.map((v) => `${refer(v)}: ${printType(v.type)}`).join(", ");
  const lines = fn.body.map(
    (op) =>
      `  ${list(op.results)} = ${op.name}${op.operands.length > 0 ? ` ${list(op.operands)}` : ""}${printAttrs(op)} : ${types(op.results)}`,
  );
  return [
    `func @${fn.name}(${params}) -> (${types(fn.results)}) {`,
    ...lines,
    `  return ${list(fn.results)}`.trimEnd(),
    "}",
    "",
  ].join("\n");
}

/** The functions that `fn` calls, directly or not, each once and before its callers. */
export function calleesOf(fn: Func): readonly Func[] {
  const found = new Set<Func>();
  const visit = (f: Func): void => {
    for (const op of f.body) {
      const callee = op.attrs["callee"] as Func | undefined;
      if (op.name !== "call" || callee === undefined || found.has(callee)) continue;
      visit(callee);
      found.add(callee);
    }
  };
  visit(fn);
  return [...found];
}

/** `fn` after the functions it calls. */
export const print = (fn: Func): string => [...calleesOf(fn), fn].map(printFunction).join("\n");
