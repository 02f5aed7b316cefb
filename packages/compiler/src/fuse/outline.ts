/** Operations taken out of a function as a function of their own. */
import {
  atSite,
  emitAny,
  type Func,
  functionOf,
  type Operation,
  parameter,
  printType,
  type Value,
} from "@opentrn/ir";

export interface Outlined {
  readonly fn: Func;
  /** Values outside that the parameters stand for, and values inside that the results are, in order. */
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}

/**
 * What `outputs` need of `ops` as a function that returns them; parameters are p0, p1, ... by first use. Operations come in the order in
 * which the outputs ask for them, so that layers that are alike print alike, whatever order their operations were made in.
 */
export function outline(
  name: string,
  ops: readonly Operation[],
  outputs: readonly Value[],
): Outlined {
  const now = new Map<Value, Value>();
  const inputs: Value[] = [];
  const params: Value[] = [];
  const here = (v: Value): Value => {
    const known = now.get(v);
    if (known) return known;
    const param = parameter(`p${params.length}`, v.type);
    inputs.push(v);
    params.push(param);
    now.set(v, param);
    return param;
  };
  for (const op of asked(ops, outputs)) {
    const made = atSite(op.site, () => emitAny(op.name, op.operands.map(here), op.attrs));
    op.results.forEach((v, i) => {
      now.set(v, made[i]!);
    });
  }
  return {
    fn: functionOf(
      name,
      params,
      outputs.map((v) => now.get(v)!),
    ),
    inputs,
    outputs,
  };
}

/** Operations of `ops` behind `outputs`, operands before their users, first operands first. */
function asked(ops: readonly Operation[], outputs: readonly Value[]): readonly Operation[] {
  const inside = new Set(ops);
  const done = new Set<Operation>();
  const open = outputs.map((v) => v.op).reverse();
  for (let op = open.at(-1); op; op = open.at(-1)) {
    const missing = done.has(op)
      ? []
      : op.operands.map((v) => v.op).filter((before) => inside.has(before) && !done.has(before));
    if (missing.length > 0) open.push(...missing.reverse());
    else {
      open.pop();
      if (inside.has(op)) done.add(op);
    }
  }
  return [...done];
}

const texts = new WeakMap<Operation, string>();

/** An operation without its operands. */
function textOf(op: Operation): string {
  const known = texts.get(op);
  if (known !== undefined) return known;
  const types = op.results.map((v) => printType(v.type));
  const made = `${op.name} ${JSON.stringify(op.attrs)} ${types.join()}`;
  texts.set(op, made);
  return made;
}

/** Equal for operations and outputs that {@link outline} makes equal functions of; far cheaper than making them. */
export function outlineKey(ops: readonly Operation[], outputs: readonly Value[]): string {
  const names = new Map<Operation, number>();
  const params = new Map<Value, string>();
  const nameOf = (v: Value): string => {
    const at = names.get(v.op);
    if (at !== undefined) return `${at}.${v.index}`;
    const known = params.get(v) ?? `p${params.size}:${printType(v.type)}`;
    params.set(v, known);
    return known;
  };
  const lines: string[] = [];
  for (const op of asked(ops, outputs)) {
    lines.push(`${textOf(op)} ${op.operands.map(nameOf).join()}`);
    names.set(op, names.size);
  }
  return `${lines.join("\n")}\n${outputs.map(nameOf).join()}`;
}
