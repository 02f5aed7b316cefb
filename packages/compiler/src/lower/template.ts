/**
 * A template lowers one group of operations to instructions. Groups are functions: their parameters and results are tensors in HBM,
 * row-major. Which groups a template takes is its own matter; `fuse` grows a group as long as some template takes it.
 */
import type { Chip } from "@opentrn/chips";
import type { Func, Value } from "@opentrn/ir";
import type { Emitter } from "../emit/emitter.ts";
import type { View } from "../emit/view.ts";

export interface LowerOptions {
  /** Round to bfloat16 stochastically where the chip can. */
  readonly stochasticRounding?: boolean;
  /** Types that matmuls may take instead of the operands' own. */
  readonly fp8?: boolean;
}

export interface Lowering {
  readonly group: Func;
  readonly chip: Chip;
  readonly emit: Emitter;
  readonly options: LowerOptions;
  /** The tensor of a parameter in HBM, with the parameter's shape ([1] for a scalar). */
  readonly input: (param: Value) => View;
  /** The tensor of result `i` in HBM. */
  readonly output: (i: number) => View;
  /** Asks for the list scheduler's order, as `reorders` does for every group of a template. */
  readonly reorder: () => void;
}

export interface Template {
  readonly name: string;
  readonly summary: string;
  /** Why it cannot lower this group on that chip, naming the operation; undefined when it can. Must be quick: fusing asks often. */
  readonly refuses: (group: Func, chip: Chip) => string | undefined;
  readonly lower: (lowering: Lowering) => void;
  /** Its instructions are put in the order of a list scheduler, so that blocks overlap without the template's care. */
  readonly reorders?: true;
}
