/** Kernels written in TypeScript: found among a file's exports and traced to a Program. */
import { OpenTrnError } from "@opentrn/base";
import type { Chip } from "@opentrn/chips";
import type { Program } from "@opentrn/isa";
import { Kernel } from "@opentrn/nki";
import type { DType } from "@opentrn/numerics";
import type { ArgumentValue } from "../inputs/argument.ts";
import { scriptValue } from "../inputs/python-literal.ts";
import { importScript, scriptError } from "./import-script.ts";
import type { KernelName } from "./kernel-name.ts";

/** By shape and not by class: the file may have imported another copy of this package. */
const isKernel = (v: unknown): v is Kernel =>
  v instanceof Kernel ||
  (typeof v === "object" &&
    v !== null &&
    typeof (v as Kernel).build === "function" &&
    Array.isArray((v as Kernel).parameters));

/** The kernel of that export or kernel name, or the only one. */
export async function loadScriptKernel(name: KernelName): Promise<Kernel> {
  const exports = await importScript(name.path);
  const kernels = Object.entries(exports).filter((e): e is [string, Kernel] => isKernel(e[1]));
  const listed = kernels.map(([k]) => k).join(", ");
  const fail = (message: string): never => {
    throw new OpenTrnError(`${name.file}: ${message}`, { category: "bad input", rule: "kernel" });
  };
  if (kernels.length === 0)
    fail(
      'exports no kernel; write export const NAME = kernel("NAME", (a, b) => …) with kernel from "opentrn"',
    );
  if (name.kernel === undefined)
    return kernels.length === 1
      ? kernels[0]![1]
      : fail(`has ${kernels.length} kernels; choose one: ${name.file}:NAME with NAME of ${listed}`);
  const found =
    kernels.find(([k]) => k === name.kernel) ?? kernels.find(([, k]) => k.name === name.kernel);
  return found ? found[1] : fail(`has no kernel ${name.kernel}; it has ${listed}`);
}

export interface BuildRequest {
  readonly chip: Chip;
  readonly lnc: number;
  readonly args: Readonly<Record<string, ArgumentValue>>;
  readonly maxInstructions?: number | undefined;
}

/** Traces a TypeScript kernel; what its own code throws becomes `kernel exception` at its line. */
export function buildScriptKernel(kernel: Kernel, path: string, request: BuildRequest): Program {
  const inputs: Record<string, { shape: readonly number[]; dtype: DType }> = {};
  const args: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(request.args))
    if (value.kind === "tensor")
      inputs[name] = { shape: value.tensor.shape, dtype: value.tensor.dtype };
    else args[name] = scriptValue(value.value);
  try {
    return kernel.build({
      chip: request.chip,
      lnc: request.lnc,
      inputs,
      args,
      ...(request.maxInstructions === undefined
        ? {}
        : { maxInstructions: request.maxInstructions }),
    });
  } catch (e) {
    throw scriptError(e, path, "kernel exception");
  }
}
