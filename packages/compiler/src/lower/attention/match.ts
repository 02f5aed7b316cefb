/** Recognises a group that is one composite call between views: where in HBM each operand lies and where each result goes. */
import type { Func, Operation, Value } from "@opentrn/ir";
import { View } from "../../emit/view.ts";
import { viewOf } from "../move/views.ts";

export interface Match {
  readonly call: Operation;
  /** Views of the call's operands in HBM, in order; a scalar is [1]. */
  readonly operands: readonly View[];
  /** By result of the call: every place it is written to, none where nobody asks for it. */
  readonly results: readonly (readonly View[])[];
}

interface Ends {
  readonly input: (param: Value) => View;
  readonly output: (i: number) => View;
}

/** The match, or why the group is none. */
export function matchCall(target: string, group: Func, ends: Ends): Match | string {
  const calls = group.body.filter((op) => op.name === "custom_call");
  const [call] = calls;
  if (!call || calls.length > 1 || call.attrs["call_target_name"] !== target)
    return `it is not one call of ${target}`;
  const operands: View[] = [];
  for (const v of call.operands) {
    const view = looked(v, ends);
    if (!view) return `${v.op.name} before the call is no view of a parameter`;
    operands.push(view);
  }
  const results: View[][] = call.results.map(() => []);
  for (const [i, v] of group.results.entries()) {
    const why = place(v, ends.output(i), call, results);
    if (why) return why;
  }
  return { call, operands, results };
}

/** The same with stand-ins for the tensors: whether the group matches at all. */
export function matches(target: string, group: Func): Match | string {
  const whole = (v: Value): View => {
    const { shape, dtype } = v.type;
    return View.whole(0, "hbm", dtype, shape.length === 0 ? [1] : shape);
  };
  return matchCall(target, group, { input: whole, output: (i) => whole(group.results[i]!) });
}

function looked(v: Value, ends: Ends): View | undefined {
  if (v.op.name === "parameter") return ends.input(v);
  const [from] = v.op.operands;
  const source = from && looked(from, ends);
  return source && viewOf(v.op, () => source);
}

/** Follows a result of the group back to the call, with `view` being where it has to end up. */
function place(v: Value, view: View, call: Operation, results: View[][]): string | undefined {
  const { op } = v;
  if (op === call) {
    results[v.index]!.push(view);
    return undefined;
  }
  const undo = undone[op.name];
  const parts = undo?.(op, view);
  if (!parts) return `${op.name} after the call is no view`;
  for (const [i, part] of parts.entries()) {
    const why = place(op.operands[i]!, part, call, results);
    if (why) return why;
  }
  return undefined;
}

/** Where the operands of an operation go so that its result lies in a view. */
type Undo = (op: Operation, view: View) => readonly View[] | undefined;

const undone: Readonly<Record<string, Undo>> = {
  reshape: (op, view) => {
    const { shape } = op.operands[0]!.type;
    const part = view.tryReshape(shape.length === 0 ? [1] : shape);
    return part && [part];
  },
  transpose: (op, view) => {
    const order = op.attrs["permutation"] as readonly number[];
    return [view.permute(order.map((_, d) => order.indexOf(d)))];
  },
  concatenate: (op, view) => {
    const d = op.attrs["dimension"] as number;
    let at = 0;
    return op.operands.map((v) => {
      const n = v.type.shape[d]!;
      at += n;
      return view.slice(d, at - n, at);
    });
  },
};
