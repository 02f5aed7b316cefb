/** `trn lint FILE.py[:KERNEL]`: what the NKI compiler refuses in kernels that run here. */
import { OpenTrnError } from "@opentrn/base";
import { runModule } from "../conformance/python-module.ts";
import { exitCode } from "../failure.ts";
import type { Io } from "../io.ts";

/** Exit 0: nothing found; 1: something; 2: the file is missing or is no Python. */
export async function lintCommand(
  kernel: string,
  options: { readonly json?: boolean },
  io: Io,
): Promise<number> {
  const args = options.json ? [kernel, "--json"] : [kernel];
  const child = await runModule("nki._lint", args, {}, io);
  if (child.code > 1)
    throw new OpenTrnError(child.err.trim() || `${kernel} could not be read`, {
      category: "bad input",
      rule: "kernel file",
    });
  io.out(child.out);
  return child.code === 0 ? exitCode.passed : exitCode.checkFailed;
}
