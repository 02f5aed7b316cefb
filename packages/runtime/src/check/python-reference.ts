/**
 * References in Python: the function gets NumPy arrays and returns them. Arrays travel as one npz on standard input and one on
 * standard output, so nothing is left on disk. Types that NumPy lacks (bfloat16, fp8) arrive as float32 with the same values.
 */
import { spawnSync } from "node:child_process";
import { OpenTrnError } from "@opentrn/base";
import { pythonCommand } from "@opentrn/nki";
import { type DType, dtypeInfo } from "@opentrn/numerics";
import type { ArgumentValue } from "../inputs/argument.ts";
import { pythonSource } from "../inputs/python-literal.ts";
import { memorySource } from "../tensors/byte-source.ts";
import { losesTypeInNpy } from "../tensors/npy.ts";
import { npzKeys, readNpz, writeNpz } from "../tensors/npz.ts";
import { type StoredTensor, type TensorData, tensorOf, valuesOf } from "../tensors/tensor.ts";
import { referenceRunner } from "./python-runner.ts";
import type { ExpectedTensor } from "./reference-tensor.ts";

const fail = (message: string, at?: { file: string; line: number }): never => {
  throw new OpenTrnError(message, { category: "bad input", rule: "--check", at });
};

/** The same values in a type NumPy has. */
function numpyTensor(t: TensorData): StoredTensor {
  const float: DType = "float32";
  return losesTypeInNpy(t.dtype) && dtypeInfo[t.dtype].kind !== "packed"
    ? tensorOf(float, t.shape, valuesOf(t))
    : t;
}

/** Calls `fn` of a Python file with the arguments its parameters name. */
export function pythonReference(
  path: string,
  fn: string,
  args: Readonly<Record<string, ArgumentValue>>,
  python = pythonCommand(),
): readonly ExpectedTensor[] {
  const tensors: Record<string, StoredTensor> = {};
  const literals: string[] = [];
  for (const [name, v] of Object.entries(args))
    if (v.kind === "tensor") tensors[name] = numpyTensor(v.tensor);
    else literals.push(`${JSON.stringify(name)}: ${pythonSource(v.value)}`);
  const job = [path, fn, `{${literals.join(", ")}}`, Object.keys(args).join(",")];
  const done = spawnSync(python, ["-c", referenceRunner, ...job], {
    input: writeNpz(tensors),
    maxBuffer: 2 ** 31,
    stdio: ["pipe", "pipe", "pipe"],
  });
  if (done.error) {
    const code = (done.error as NodeJS.ErrnoException).code;
    fail(
      code === "ENOENT"
        ? `--check ${path}:${fn} needs ${python}, which is not on the path; install Python with NumPy, or write the reference in TypeScript`
        : `--check ${path}:${fn}: ${python} could not be run (${code})`,
    );
  }
  const complaint = done.stderr.toString();
  if (done.status !== 0) raise(path, fn, complaint, done.status ?? done.signal);
  return readResults(done.stdout, path, fn);
}

/** The runner ends its standard error with one JSON line that says what went wrong. */
function raise(path: string, fn: string, stderr: string, status: unknown): never {
  const last = stderr.trim().split("\n").at(-1) ?? "";
  let told: { message?: string; file?: string; line?: number } = {};
  try {
    told = JSON.parse(last) as typeof told;
  } catch {
    told = { message: last || `Python ended with ${String(status)}` };
  }
  const at = told.file && told.line ? { file: told.file, line: told.line } : undefined;
  return fail(`--check ${path}:${fn}: ${told.message}`, at);
}

function readResults(bytes: Uint8Array, path: string, fn: string): readonly ExpectedTensor[] {
  const source = memorySource(`result of ${path}:${fn}`, bytes);
  return npzKeys(source).map((key) => {
    const t = readNpz(source, key);
    return { shape: t.shape, data: valuesOf(t) };
  });
}
