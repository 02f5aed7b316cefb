/** `nl`: tiles of a dimension, run-time loops, the launch grid and ordering. */
import { DynamicSlice, type Range } from "./indexing.ts";
import { issue } from "./nisa.ts";
import { Register } from "./register.ts";
import type { Tensor } from "./tensor.ts";
import { stop, tracing } from "./trace.ts";

/** The ranges `[start, stop]` that cover `total` in steps of `size`; the last may be shorter. */
export function tiles(total: number, size: number): readonly Range[] {
  if (!(Number.isInteger(total) && Number.isInteger(size) && total > 0 && size > 0))
    return stop(tiles, "tiles", `tiles(${total}, ${size}): both are positive integers`);
  return Array.from(
    { length: Math.ceil(total / size) },
    (_, i): Range => [i * size, Math.min(total, (i + 1) * size)],
  );
}

/** `size` elements from a register (read at run time) or a number. */
export const ds = (start: Register | number, size: number): DynamicSlice =>
  new DynamicSlice(start, size);

/** Runs `body` on the device for `lower <= i < upper`; traced once, `i` is a register. */
export function foriLoop(
  lower: number | Register,
  upper: number | Register,
  body: (i: Register) => void,
  step = 1,
): void {
  const trace = tracing(foriLoop);
  const index = new Register(trace.newRegister(), true);
  trace.at(foriLoop, () => issue("loopBegin", { index, start: lower, stop: upper, step }));
  body(index);
  trace.at(foriLoop, () => issue("loopEnd", {}));
}

/** Runs `body` on the device while the register it returned last is not 0; traced once. */
export function whileLoop(init: Register, body: (condition: Register) => Register): void {
  const trace = tracing(whileLoop);
  trace.at(whileLoop, () => issue("whileBegin", { condition: init }));
  const next = body(init);
  trace.at(whileLoop, () => {
    if (next !== init) issue("registerMove", { dst: init, src: next });
    issue("whileEnd", { condition: init });
  });
}

/** Keeps what `body` issues in program order. */
export function noReorder<T>(body: () => T): T {
  const { builder } = tracing(noReorder);
  const first = builder.length;
  const result = body();
  builder.addOrdered(first);
  return result;
}

/** Which core of the launch this is; 0 with LNC 1. */
export function programId(axis = 0): number {
  if (axis !== 0) stop(programId, "grid", `programId(${axis}): a launch has one axis`);
  return tracing(programId).core;
}

/** Cores of the launch. */
export function numPrograms(): number {
  return tracing(numPrograms).builder.cores;
}

/** Prints a tensor when the kernel runs. */
export function devicePrint(prefix: string, tensor: Tensor): void {
  tracing(devicePrint).builder.addPrint(prefix, { kind: "tile", pattern: tensor.operandPattern() });
}
