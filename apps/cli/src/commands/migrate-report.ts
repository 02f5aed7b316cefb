/** `trn migrate-report FILE`: which NKI a kernel file is written for, and every line to change for the newest one. */
import { OpenTrnError } from "@opentrn/base";
import { runModule } from "../conformance/python-module.ts";
import { exitCode } from "../failure.ts";
import type { Io } from "../io.ts";

/** Exit 0: nothing to change; 1: something; 2: the file is missing or is no Python. */
export async function migrateReportCommand(
  file: string,
  options: { readonly json?: boolean },
  io: Io,
): Promise<number> {
  const args = options.json ? [file, "--json"] : [file];
  const child = await runModule("nki._migrate", args, {}, io);
  if (child.code > 1)
    throw new OpenTrnError(child.err.trim() || `${file} could not be read`, {
      category: "bad input",
      rule: "kernel file",
    });
  io.out(child.out);
  return child.code === 0 ? exitCode.passed : exitCode.checkFailed;
}
