/** `trn print`: the Program of a kernel as text. */
import { printProgram } from "@opentrn/isa";
import { exitCode } from "../failure.ts";
import type { Io } from "../io.ts";
import { openSession, type SessionOptions } from "../session.ts";

export async function printCommand(
  kernel: string,
  options: SessionOptions,
  io: Io,
): Promise<number> {
  const { traced } = await openSession(kernel, options, io);
  io.out(printProgram(traced.program));
  return exitCode.passed;
}
