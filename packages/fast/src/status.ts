/** Turns the status a kernel returns into an error. The numbers are those of assembly/status.ts. */
import { OpenTrnError } from "@opentrn/base";

const failures: Record<number, string> = {
  1: "an operand has a type this kernel cannot convert (packed types can only be moved)",
  2: "element counts of the operands do not agree, or a size is beyond the kernel's limit",
  3: "operands overlap and the scratch region is too small to stage one; give loadKernels more scratch bytes",
  4: "the operation is not one this kernel knows",
};

/** A run-time address lies outside its tensor; the reference meaning says which. */
export const OUT_OF_BOUNDS = 5;

/** Throws for a status other than 0. Callers have verified the program, so every failure but the third is a bug of ours. */
export function check(kernel: string, status: number): void {
  if (status === 0) return;
  throw new OpenTrnError(`${kernel}: ${failures[status] ?? `unknown status ${status}`}`, {
    category: status === 3 ? "capacity" : "internal",
  });
}
