/**
 * Composite operations: `custom_call` targets that the compiler lowers whole, each with a meaning in primitive operations. This file says
 * what a composite is and reads its config.
 */
import { OpenTrnError } from "@opentrn/base";
import type { GradientCall } from "../define.ts";
import type { Value } from "../graph.ts";
import { siteHere } from "../site.ts";
import { printType, type TensorType } from "../types.ts";

export interface Composite {
  readonly summary: string;
  /** Result types; stops with `invalid program` when operands or config break a rule. */
  readonly infer: (operands: readonly TensorType[], config: string) => readonly TensorType[];
  /** The results in primitive operations. */
  readonly decompose: (operands: readonly Value[], config: string) => readonly Value[];
  /** Absent: reverse mode differentiates the decomposition. */
  readonly gradient?: (call: GradientCall) => readonly (Value | undefined)[] | undefined;
  /** Why there is no gradient. */
  readonly notDifferentiable?: string;
}

/** Stops with the composite, the rule's number and text, and what broke it. */
export function breaks(composite: string, rule: string, says: string, why: string): never {
  throw new OpenTrnError(`${composite} ${rule}: ${why}. Rule: ${says}.`, {
    category: "invalid program",
    rule: `${composite} ${rule}`,
    at: siteHere().location,
  });
}

/** The JSON object in `backend_config`; rule C1 of every composite. */
export function readConfig(composite: string, config: string): Readonly<Record<string, unknown>> {
  let read: unknown;
  try {
    read = JSON.parse(config);
  } catch {
    read = undefined;
  }
  if (typeof read === "object" && read !== null && !Array.isArray(read))
    return read as Readonly<Record<string, unknown>>;
  return breaks(
    composite,
    "C1",
    "backend_config is a JSON object",
    `it is ${JSON.stringify(config)}`,
  );
}

/** Operand types as an error names them. */
export const printTypes = (types: readonly TensorType[]): string => types.map(printType).join(", ");
