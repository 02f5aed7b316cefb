/** A function whose body is calls of groups to a plan: equal groups become one module. */
import { invariant } from "@opentrn/base";
import type { Chip } from "@opentrn/chips";
import { type Func, parameterName, print, type Value } from "@opentrn/ir";
import { lowerGroup, type Module } from "../lower/lower-group.ts";
import type { LowerOptions } from "../lower/template.ts";
import type { Buffer, BufferKind, Call, Plan } from "./plan.ts";

export interface PlanOptions extends LowerOptions {
  /** Told before each module is lowered. */
  readonly onModule?: (name: string, done: number, total: number) => void;
}

/** Lowers every distinct group of `fn` (the result of `fuse`). Stops with `unsupported here` where no template takes a group. */
export function makePlan(fn: Func, chip: Chip, options: PlanOptions = {}): Plan {
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
  const groups = fn.body.map((op) => {
    invariant(op.name === "call", `a plan is made of calls, not ${op.name}`);
    return op.attrs["callee"] as Func;
  });
  const keys = groups.map(keyOf);
  const total = new Set(keys).size;
  const modules: Module[] = [];
  const moduleOf = new Map<string, number>();
  const calls = fn.body.map((op, i): Call => {
    let module = moduleOf.get(keys[i]!);
    if (module === undefined) {
      module = modules.length;
      moduleOf.set(keys[i]!, module);
      options.onModule?.(groups[i]!.name, module, total);
      modules.push(lowerGroup(groups[i]!, chip, options));
    }
    return {
      module,
      inputs: op.operands.map((v) => bufferOf.get(v)!),
      outputs: op.results.map((v, k) =>
        add(v, `${groups[i]!.name}.${k}`, results.has(v) ? "output" : "internal"),
      ),
    };
  });
  return {
    name: fn.name,
    chip,
    modules,
    calls,
    buffers,
    inputs,
    outputs: fn.results.map((v) => bufferOf.get(v)!),
  };
}

/** Text of a group without its name: equal for groups that lower to the same instructions. */
const keyOf = (group: Func): string => print({ ...group, name: "" });
