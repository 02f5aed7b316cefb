/** What every binder shares: its shape and the numbers of ALU operations. */
import { type AluName, aluId, isBitvec } from "@opentrn/numerics";
import type { BindRequest } from "./bind.ts";
import type { Call } from "./commands.ts";
import type { Operands } from "./operands.ts";

/** Turns a request into kernel calls, or throws NoFastPath. */
export type Binder = (o: Operands, r: BindRequest) => readonly Call[];

/** "No operation" in kernel calls. */
export const NONE = -1;
export const flag = (v: unknown): number => (v ? 1 : 0);

/** Number of an ALU operation, NONE for none. */
export const opNumber = (op: unknown): number => (op === undefined ? NONE : aluId[op as AluName]);

/** Whether the call works on raw bits, and whether its operation is a bitwise one. */
export const onBits = (r: BindRequest): boolean =>
  ((r.op.bits?.(r.call as never) ?? []) as readonly string[]).length > 0;
export const bitwise = (op: unknown): boolean => op !== undefined && isBitvec(op as AluName);

/** Accumulators for `reduce` and `reset_reduce`; undefined for commands that leave the results alone. */
export interface Reduction {
  readonly op: number;
  readonly registers: number;
  readonly reset: number;
}
