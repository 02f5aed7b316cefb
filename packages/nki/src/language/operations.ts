/**
 * ALU operations and activation functions as TypeScript kernels name them: `nl.add` is a function on tiles and, as in NKI, also the
 * value of an `op` parameter. Both sets come from the tables of @opentrn/numerics.
 */
import type { ActivationName, AluName } from "@opentrn/numerics";

/** Names an ALU operation wherever an instruction wants one. */
export interface AluOperation<N extends AluName = AluName> {
  readonly alu: N;
}

/** Names an activation function wherever an instruction wants one. */
export interface ActivationOperation<N extends ActivationName = ActivationName> {
  readonly activation: N;
}

/** The name that an `op` argument stands for. */
export const operationName = (value: unknown, kind: "alu" | "activation"): unknown =>
  value !== null && (typeof value === "object" || typeof value === "function") && kind in value
    ? (value as Record<string, unknown>)[kind]
    : value;
