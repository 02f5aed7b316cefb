/** A function whose body is calls of groups to a plan: equal groups become one module. */
import { invariant } from "@opentrn/base";
import type { Chip } from "@opentrn/chips";
import { type Func, parameterName, print, type Value } from "@opentrn/ir";
import { lowerGroup, type Module } from "../lower/lower-group.ts";
import type { LowerOptions } from "../lower/template.ts";
import type { Buffer, BufferKind, Buffers, Call, Plan } from "./plan.ts";

export interface PlanOptions extends LowerOptions {
  /** Told before each module is lowered. */
  readonly onModule?: (name: string, done: number, total: number) => void;
  /** Shown buffers and calls before anything is lowered, e.g. to stop at what does not fit. */
  readonly onBuffers?: (plan: Buffers) => void;
}

/** Lowers every distinct group of `fn` (the result of `fuse`). Stops with `unsupported here` where no template takes a group. */
export function makePlan(fn: Func, chip: Chip, options: PlanOptions = {}): Plan {
  const groups = fn.body.map((op) => {
    invariant(op.name === "call", `a plan is made of calls, not ${op.name}`);
    return op.attrs["callee"] as Func;
  });
  const numberOf = new Map<string, number>();
  const distinct: Func[] = [];
  const moduleOf = groups.map((group) => {
    const key = keyOf(group);
    const known = numberOf.get(key);
    if (known !== undefined) return known;
    numberOf.set(key, distinct.length);
    return distinct.push(group) - 1;
  });
  const buffers = buffersOf(fn, chip, groups, moduleOf);
  options.onBuffers?.(buffers);
  const modules = distinct.map((group, i): Module => {
    options.onModule?.(group.name, i, distinct.length);
    return lowerGroup(group, chip, options);
  });
  return { ...buffers, modules };
}

/** Values of the function as HBM tensors, and which of them each call takes and makes. */
function buffersOf(
  fn: Func,
  chip: Chip,
  groups: readonly Func[],
  moduleOf: readonly number[],
): Buffers {
  const buffers: Buffer[] = [];
  const bufferOf = new Map<Value, number>();
  const results = new Set(fn.results);
  const add = (v: Value, name: string, kind: BufferKind): number => {
    const id = buffers.length;
    buffers.push({ id, name, kind, type: v.type });
    bufferOf.set(v, id);
    return id;
  };
  const inputs = fn.params.map((v) => add(v, parameterName(v), "input"));
  const calls = fn.body.map(
    (op, i): Call => ({
      module: moduleOf[i]!,
      inputs: op.operands.map((v) => bufferOf.get(v)!),
      outputs: op.results.map((v, k) =>
        add(v, `${groups[i]!.name}.${k}`, results.has(v) ? "output" : "internal"),
      ),
    }),
  );
  return {
    name: fn.name,
    chip,
    calls,
    buffers,
    inputs,
    outputs: fn.results.map((v) => bufferOf.get(v)!),
  };
}

/** Text of a group without its name: equal for groups that lower to the same instructions. */
const keyOf = (group: Func): string => print({ ...group, name: "" });
