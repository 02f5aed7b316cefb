/** Runs a module of the Python package in a child process and keeps what it prints. */
import { spawn } from "node:child_process";
import { OpenTrnError } from "@opentrn/base";
import { pythonAvailable, pythonCommand, pythonEnvironment } from "@opentrn/nki";
import type { Io } from "../io.ts";

export interface ModuleOutcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** `python3 -m module args…`; `onError` gets standard error as it comes. Throws `bad input` where there is no Python. */
export function runModule(
  module: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  io: Io,
  onError?: (text: string) => void,
): Promise<ModuleOutcome> {
  const python = pythonCommand();
  if (!pythonAvailable(python))
    throw new OpenTrnError(
      `${python} is not on the path or older than 3.9; install Python 3.9 or newer or set OPENTRN_PYTHON_BIN`,
      { category: "bad input", rule: "python3" },
    );
  const child = spawn(python, ["-m", module, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...pythonEnvironment(io.env as NodeJS.ProcessEnv), ...env },
  });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
    onError?.(text);
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? 1, out, err }));
  });
}
