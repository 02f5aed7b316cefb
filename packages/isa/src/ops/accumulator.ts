/** The VectorE accumulators that instructions with `reduce_cmd` share: one fp32 a lane. */
import { type AluName, aluOp } from "@opentrn/numerics";
import type { AnyCall, CoreState } from "../define.ts";
import type { reduceCommands } from "./activation.ts";
import type { SharedRule } from "./shared-rules.ts";

export type ReduceCommand = (typeof reduceCommands)[number];

/** The accumulator before the first element; `load` is what load_reduce puts there. */
function startValue(command: ReduceCommand, op: AluName, held: number, load: number): number {
  if (command === "reduce") return held;
  if (command === "load_reduce") return load;
  const row = aluOp(op);
  return row.identity ?? ("accumulatorIdentity" in row ? row.accumulatorIdentity! : 0);
}

/**
 * Folds `values[from, to)` into lane `p` as `command` says and returns what the accumulator then holds. `idle` leaves it as it is,
 * `reset` only sets the start value. Folding is sequential, fp32 at each step.
 */
export function accumulate(
  lanes: CoreState["vectorAccumulator"],
  p: number,
  command: ReduceCommand,
  op: AluName,
  values: ArrayLike<number>,
  load = 0,
): number {
  if (command === "idle") return lanes[p]!;
  let held = startValue(command, op, lanes[p]!, load);
  if (command !== "reset") {
    const f = aluOp(op).evaluate;
    for (let i = 0; i < values.length; i++) held = f(held, values[i]!, 32);
  }
  lanes[p] = held;
  return lanes[p]!;
}

/** `reduce_cmd` is one that the instruction documents. */
export const commandOf = (...allowed: readonly ReduceCommand[]): SharedRule => ({
  says: `reduce_cmd is ${allowed.join(", ")}`,
  broken: ({ attr }) =>
    allowed.includes(attr["reduce_cmd"] as ReduceCommand)
      ? undefined
      : `reduce_cmd is ${String(attr["reduce_cmd"])}`,
});

/** The operand that load_reduce starts from is given with load_reduce and only then. */
export const loadWith = (operand: string): SharedRule => ({
  says: `${operand} is given with reduce_cmd load_reduce, and only then`,
  broken: (call: AnyCall) => {
    const given = call.tile[operand] !== undefined || call.immediate[operand] !== undefined;
    const wanted = call.attr["reduce_cmd"] === "load_reduce";
    if (given === wanted) return undefined;
    return wanted
      ? `reduce_cmd is load_reduce and ${operand} is missing`
      : `${operand} is given with reduce_cmd ${String(call.attr["reduce_cmd"])}`;
  },
});
