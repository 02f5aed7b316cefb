/** A function to a plan: passes over the IR, then one Program a distinct group. */
import type { Chip } from "@opentrn/chips";
import type { Func } from "@opentrn/ir";
import { passes } from "./passes/index.ts";
import { makePlan, type PlanOptions } from "./plan/make-plan.ts";
import type { Plan } from "./plan/plan.ts";

export interface CompileOptions extends PlanOptions {
  readonly chip: Chip;
  /** Largest number of operations of a group; 1 lowers every operation on its own. */
  readonly mostOps?: number;
  /** Shown the function after every pass. */
  readonly onPass?: (name: string, fn: Func) => void;
}

/** Compiles `fn`. Stops with `unsupported here` where no template takes an operation, naming the model's line. */
export function compile(fn: Func, options: CompileOptions): Plan {
  let now = fn;
  for (const pass of passes) {
    now = pass.run(now, options);
    options.onPass?.(pass.name, now);
  }
  return makePlan(now, options.chip, options);
}
