/** Any kernel to a Program: Python through a host, TypeScript in this process, or a Program saved before. */
import { readFileSync } from "node:fs";
import { OpenTrnError } from "@opentrn/base";
import { type Chip, chipNamed } from "@opentrn/chips";
import { loadProgram, type Program, type Warning } from "@opentrn/isa";
import {
  type KernelArgument,
  type KernelJob,
  pythonAvailable,
  type TracedKernel,
  type TracedOutput,
  traceCPython,
  tracePyodide,
} from "@opentrn/nki";
import type { ArgumentValue } from "../inputs/argument.ts";
import { pythonSource } from "../inputs/python-literal.ts";
import { wholeOutputs } from "../run/run-program.ts";
import type { KernelName } from "./kernel-name.ts";
import { buildScriptKernel, loadScriptKernel } from "./script-kernel.ts";

export const pythonHosts = ["auto", "cpython", "pyodide"] as const;
export type PythonHost = (typeof pythonHosts)[number];

export interface TraceRequest {
  readonly name: KernelName;
  readonly args: Readonly<Record<string, ArgumentValue>>;
  /** Absent: what the kernel or the environment asks for, else trn2. */
  readonly chip?: Chip | undefined;
  /** Physical cores of the launch; absent: the kernel's own. */
  readonly lnc?: number | undefined;
  readonly python?: PythonHost;
  readonly maxInstructions?: number | undefined;
  readonly onProgress?: ((instructions: number) => void) | undefined;
  readonly onPrint?: KernelJob["onPrint"];
  /** As in KernelJob; only for Python kernels. */
  readonly evaluate?: KernelJob["evaluate"];
  readonly stdin?: boolean | undefined;
  readonly lint?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface TracedProgram {
  readonly program: Program;
  readonly outputs: readonly TracedOutput[];
  readonly host: TracedKernel["host"] | "typescript" | "saved";
  readonly traceMs: number;
  /** What the NKI compiler would refuse; only for Python kernels, where asked for. */
  readonly lints?: readonly Warning[];
}

/** Traces or loads; every rule is checked on the way. */
export async function traceKernel(request: TraceRequest): Promise<TracedProgram> {
  const started = performance.now();
  if (request.name.language === "python") return tracePython(request);
  const program =
    request.name.language === "program" ? loadSaved(request) : await traceScript(request);
  return {
    program,
    outputs: wholeOutputs(program),
    host: request.name.language === "program" ? "saved" : "typescript",
    traceMs: performance.now() - started,
  };
}

/** The target when nobody names one: `NEURON_PLATFORM_TARGET_OVERRIDE`, else trn2. */
const defaultChip = (): Chip => chipNamed(process.env["NEURON_PLATFORM_TARGET_OVERRIDE"] ?? "trn2");

async function traceScript(request: TraceRequest): Promise<Program> {
  const { name, args, chip = defaultChip(), lnc = 1, maxInstructions } = request;
  const kernel = await loadScriptKernel(name);
  return buildScriptKernel(kernel, name.path, { chip, lnc, args, maxInstructions });
}

function tracePython(request: TraceRequest): Promise<TracedKernel> {
  const { name, args, python = "auto", ...rest } = request;
  const job: KernelJob = {
    ...rest,
    file: name.file,
    kernel: name.kernel,
    args: Object.entries(args).map(([key, value]) => kernelArgument(key, value)),
  };
  const host = python === "auto" ? (pythonAvailable() ? "cpython" : "pyodide") : python;
  return host === "cpython" ? traceCPython(job) : tracePyodide(job);
}

const kernelArgument = (name: string, value: ArgumentValue): KernelArgument =>
  value.kind === "tensor"
    ? { name, shape: value.tensor.shape, dtype: value.tensor.dtype }
    : { name, literal: pythonSource(value.value) };

function loadSaved({ name, args, chip, lnc }: TraceRequest): Program {
  const program = loadProgram(readFileSync(name.path), chip ? () => chip : chipNamed);
  const fail = (message: string): never => {
    throw new OpenTrnError(`${name.file}: ${message}`, { category: "bad input", rule: "--arg" });
  };
  if (lnc !== undefined && lnc !== program.cores)
    fail(`was built for ${program.cores} cores; build it again to run on ${lnc}`);
  const inputs = new Map(program.inputs.map((id) => [program.storages[id]!.name, id]));
  for (const [key, value] of Object.entries(args)) {
    const s = program.storages[inputs.get(key) ?? -1];
    if (!s) {
      fail(`has no input ${key}; it has ${[...inputs.keys()].join(", ")}`);
      continue;
    }
    if (value.kind !== "tensor")
      fail(`input ${key} is a tensor; values were fixed when it was built`);
    else if (value.tensor.dtype !== s.dtype || `${value.tensor.shape}` !== `${s.shape}`)
      fail(
        `input ${key} is ${value.tensor.shape.join("x")} ${value.tensor.dtype}; it was built for ${s.shape.join("x")} ${s.dtype}`,
      );
  }
  return program;
}
