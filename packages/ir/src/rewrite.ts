/** Rebuilding functions operation by operation, and the two clean-ups every producer wants: one of each, none unused. */
import { functionOf } from "./build/calls.ts";
import { emitAny, type Func, type Operation, operationsOf, type Value } from "./graph.ts";
import { atSite } from "./site.ts";

/** What an operation becomes, given its operands in the new function; undefined keeps it as it is. */
export type Rule = (op: Operation, operands: readonly Value[]) => readonly Value[] | undefined;

/**
 * A function in which `rule` has replaced operations. Parameters stay; the new operations keep the old ones' source lines and order, so that
 * values are still made where they are needed. `made` sees what every operation has become.
 */
export function rewrite(
  fn: Func,
  rule: Rule,
  made?: (results: readonly Value[], op: Operation) => void,
): Func {
  const now = new Map<Value, Value>(fn.params.map((v) => [v, v]));
  // Once an operation is new, those behind it are made new as well: an old one would stand before it.
  let fresh: boolean = false;
  for (const op of fn.body) {
    const operands = op.operands.map((v) => now.get(v) ?? v);
    const same: boolean = !fresh && operands.every((v, i) => v === op.operands[i]);
    const results: readonly Value[] = atSite(
      op.site,
      () => rule(op, operands) ?? (same ? op.results : emitAny(op.name, operands, op.attrs)),
    );
    fresh ||= results.some((v) => v.op.serial > op.serial);
    made?.(results, op);
    op.results.forEach((v, i) => {
      now.set(v, results[i]!);
    });
  }
  return functionOf(
    fn.name,
    fn.params,
    fn.results.map((v) => now.get(v) ?? v),
  );
}

/** Only what the results need. Functions from builders are so already; parsed ones need not be. */
export const removeUnused = (fn: Func): Func => {
  const needed = new Set(operationsOf(fn.results));
  return { ...fn, body: fn.body.filter((op) => needed.has(op)) };
};

const objects = new WeakMap<object, number>();
let objectCount = 0;
const identityOf = (o: object): number => {
  const known = objects.get(o) ?? objectCount++;
  objects.set(o, known);
  return known;
};

/** Literals of more elements are equal only when they are the same array. */
const comparedElements = 64;

const attrKey = (_: string, value: unknown): unknown => {
  if (typeof value === "number")
    return Object.is(value, -0) ? "-0" : Number.isFinite(value) ? value : String(value);
  if (ArrayBuffer.isView(value)) {
    const data = value as unknown as ArrayLike<number>;
    return data.length <= comparedElements
      ? Array.from(data, (x) => attrKey("", x))
      : { array: identityOf(value) };
  }
  if (typeof value === "object" && value !== null && "body" in value)
    return { fn: identityOf(value) };
  return value;
};

/** One operation for all that are equal: same name, operands and attributes. */
export function shareEqual(fn: Func): Func {
  const known = new Map<string, readonly Value[]>();
  const idOf = (v: Value): string => `${identityOf(v.op)}.${v.index}`;
  let key = "";
  return rewrite(
    fn,
    (op, operands) => {
      key = `${op.name}(${operands.map(idOf).join()})${JSON.stringify(op.attrs, attrKey)}`;
      return known.get(key);
    },
    (results) => {
      known.set(key, results);
    },
  );
}

/** Common subexpressions shared, unused operations removed. */
export const cleanUp = (fn: Func): Func => removeUnused(shareEqual(fn));

/** Calls replaced by the operations of the functions they call. */
export function inlineCalls(fn: Func): Func {
  return rewrite(fn, (op, operands) => {
    if (op.name !== "call") return undefined;
    const callee = inlineCalls(op.attrs["callee"] as Func);
    const now = new Map<Value, Value>(callee.params.map((v, i) => [v, operands[i]!]));
    const here = (v: Value): Value => now.get(v) ?? v;
    for (const inner of callee.body) {
      const made = atSite(inner.site, () =>
        emitAny(inner.name, inner.operands.map(here), inner.attrs),
      );
      inner.results.forEach((v, i) => {
        now.set(v, made[i]!);
      });
    }
    return callee.results.map(here);
  });
}
