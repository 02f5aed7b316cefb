/** What every binder shares: its shape, the closure around one kernel call, numbers of ALU operations. */
import { type AluName, aluId, isBitvec } from "@opentrn/numerics";
import type { BindRequest, Step } from "./bind.ts";
import type { Kernels } from "./kernels.ts";
import type { Operands } from "./operands.ts";
import { check } from "./status.ts";

/** Turns a request into kernel calls, or throws NoFastPath. */
export type Binder = (o: Operands, k: Kernels, r: BindRequest) => Step;

/** "No operation" in kernel calls. */
export const NONE = -1;
export const flag = (v: unknown): number => (v ? 1 : 0);

/** Number of an ALU operation, NONE for none. */
export const opNumber = (op: unknown): number => (op === undefined ? NONE : aluId[op as AluName]);

/** A step that throws when the kernel refuses an operand. */
export const step =
  (name: string, call: () => number): Step =>
  () => {
    const status = call();
    if (status !== 0) check(name, status);
  };

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
