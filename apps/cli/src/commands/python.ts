/** `trn python script.py …`: the user's own script, with the nki package on its path and NKI_SIMULATOR set. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { OpenTrnError } from "@opentrn/base";
import { chipNamed } from "@opentrn/chips";
import { pythonAvailable, pythonEnvironment, pythonCommand as pythonName } from "@opentrn/nki";
import type { Io } from "../io.ts";

export async function pythonCommand(
  script: string,
  args: readonly string[],
  options: { readonly target?: string },
  io: Io,
): Promise<number> {
  const fail = (message: string, rule: string): never => {
    throw new OpenTrnError(message, { category: "bad input", rule });
  };
  if (!existsSync(script))
    fail(`script ${script}: no such file; paths are relative to where trn is run`, "script");
  const python = pythonName();
  if (!pythonAvailable(python))
    fail(
      `${python} is not on the path or older than 3.9; install Python 3.9 or newer or set OPENTRN_PYTHON_BIN. trn run works without it, by --python pyodide`,
      "python3",
    );
  const target = options.target === undefined ? undefined : chipNamed(options.target).name;
  const child = spawn(python, [script, ...args], {
    stdio: "inherit",
    env: {
      ...pythonEnvironment(io.env as NodeJS.ProcessEnv),
      NKI_SIMULATOR: "1",
      ...(target === undefined ? {} : { NEURON_PLATFORM_TARGET_OVERRIDE: target }),
    },
  });
  // Ctrl-C reaches the script, which is in the same process group; it decides when to end.
  const ignore = (): void => {};
  process.on("SIGINT", ignore);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      process.off("SIGINT", ignore);
      resolve(code ?? 128 + (signal ? (constants.signals[signal] ?? 0) : 0));
    });
  });
}
