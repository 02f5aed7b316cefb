/** How a failure reaches the user: one line on standard error, an object with `--json`, never a stack trace for what we expect. */
import { OpenTrnError } from "@opentrn/base";
import { CommanderError } from "commander";
import { Interrupted } from "./interrupt.ts";
import type { Io } from "./io.ts";

/** Exit codes that scripts rely on. */
export const exitCode = { passed: 0, checkFailed: 1, badInput: 2 } as const;

/** Every failure as one of ours; what we did not expect becomes `internal` and says so. */
export function asOpenTrnError(e: unknown): OpenTrnError {
  if (e instanceof OpenTrnError) return e;
  if (e instanceof CommanderError)
    return new OpenTrnError(e.message.replace(/^error: /, ""), {
      category: "bad input",
      rule: "command line",
    });
  const message = e instanceof Error ? `${e.name}: ${e.message}` : String(e);
  return new OpenTrnError(message, { category: "internal" });
}

/** Reports `e` and returns the exit code. */
export function reportFailure(e: unknown, io: Io, json: boolean): number {
  if (e instanceof CommanderError && e.exitCode === 0) return exitCode.passed;
  const error = asOpenTrnError(e);
  if (json) io.out(`${JSON.stringify({ error: error.toJSON() })}\n`);
  io.err(`${error.describe()}\n`);
  if (error.category === "internal") {
    io.err("This is a fault of OpenTrn, not of your input; please report it with this output.\n");
    if (io.env["OPENTRN_DEBUG"]) io.err(`${e instanceof Error ? e.stack : String(e)}\n`);
    else io.err("OPENTRN_DEBUG=1 adds where it happened.\n");
  }
  return error instanceof Interrupted ? error.exitCode : exitCode.badInput;
}
