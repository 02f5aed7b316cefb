/** Operations taken out of a function as a function of their own. */
import {
  atSite,
  emitAny,
  type Func,
  functionOf,
  type Operation,
  parameter,
  type Value,
} from "@opentrn/ir";

export interface Outlined {
  readonly fn: Func;
  /** Values outside that the parameters stand for, and values inside that the results are, in order. */
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}

/** The operations of `ops` (in order of execution) as a function that returns `outputs`; parameters are p0, p1, ... by first use. */
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
  for (const op of ops) {
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
