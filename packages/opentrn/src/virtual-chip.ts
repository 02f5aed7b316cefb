/** `chip("trn2").run(kernel, { a, b })`: kernels on a virtual chip, from TypeScript. */
import { OpenTrnError } from "@opentrn/base";
import { type Chip, chipNamed } from "@opentrn/chips";
import type { Program } from "@opentrn/isa";
import type { Kernel } from "@opentrn/nki";
import {
  type ArgumentValue,
  type Literal,
  type RunOptions,
  readKernelName,
  runProgram,
  type TensorData,
  type TracedProgram,
  traceKernel,
  wholeOutputs,
} from "@opentrn/runtime";
import { isTensorData } from "./inputs.ts";
import { Run } from "./run.ts";

/** A kernel in TypeScript, or `FILE.py:KERNEL`, `FILE.ts:KERNEL` or a saved Program by path. */
export type AnyKernel = Kernel | string;

/** Input tensors and compile-time values by parameter name. */
export type KernelInputs = Readonly<Record<string, TensorData | Literal | undefined>>;

export interface LaunchOptions
  extends Pick<RunOptions, "values" | "time" | "preciseFp" | "seed" | "fast"> {
  /** Cores of the launch. */
  readonly lnc?: number;
  /** Stops a kernel that never ends. */
  readonly maxInstructions?: number;
}

/** A chip to run kernels on. The same inputs give the same bytes and the same nanoseconds, on every host. */
export class VirtualChip {
  readonly facts: Chip;

  constructor(facts: Chip) {
    this.facts = facts;
  }

  get name(): string {
    return this.facts.name;
  }

  /** Traces a kernel into a Program, checking every rule. */
  async compile(
    kernel: AnyKernel,
    inputs: KernelInputs,
    options: LaunchOptions = {},
  ): Promise<Program> {
    return (await this.trace(kernel, inputs, options)).program;
  }

  /** Computes the outputs and predicts the time. */
  async run(kernel: AnyKernel, inputs: KernelInputs, options: LaunchOptions = {}): Promise<Run> {
    const traced = await this.trace(kernel, inputs, options);
    const { lnc: _, maxInstructions: __, ...how } = options;
    const tensors = Object.fromEntries(
      Object.entries(inputs).filter((e): e is [string, TensorData] => isTensorData(e[1])),
    );
    return new Run(
      traced,
      runProgram(traced.program, tensors, { ...how, outputs: traced.outputs }),
    );
  }

  /** Predicts the time without computing values. */
  profile(kernel: AnyKernel, inputs: KernelInputs, options: LaunchOptions = {}): Promise<Run> {
    return this.run(kernel, inputs, { ...options, values: false });
  }

  private async trace(
    kernel: AnyKernel,
    inputs: KernelInputs,
    { lnc, maxInstructions }: LaunchOptions,
  ): Promise<TracedProgram> {
    if (typeof kernel === "string")
      return traceKernel({
        name: readKernelName(kernel),
        args: argumentsOf(inputs),
        chip: this.facts,
        lnc,
        maxInstructions,
      });
    const tensors: Record<string, TensorData> = {};
    const args: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(inputs))
      if (isTensorData(value)) tensors[name] = value;
      else if (value !== undefined) args[name] = value;
    const started = performance.now();
    const program = kernel.build({
      chip: this.facts,
      inputs: tensors,
      args,
      ...(lnc === undefined ? {} : { lnc }),
      ...(maxInstructions === undefined ? {} : { maxInstructions }),
    });
    const traceMs = performance.now() - started;
    return { program, outputs: wholeOutputs(program), host: "typescript", traceMs };
  }
}

function argumentsOf(inputs: KernelInputs): Record<string, ArgumentValue> {
  const args: Record<string, ArgumentValue> = {};
  for (const [name, value] of Object.entries(inputs))
    if (isTensorData(value)) args[name] = { kind: "tensor", tensor: value };
    else if (value !== undefined) args[name] = { kind: "literal", value };
  return args;
}

/** A virtual chip by name (`trn1`, `inf2`, `trn2`, `trn3` or an alias) or from facts of your own. */
export function chip(nameOrFacts: string | Chip): VirtualChip {
  if (typeof nameOrFacts === "string") return new VirtualChip(chipNamed(nameOrFacts));
  if (typeof nameOrFacts?.name !== "string")
    throw new OpenTrnError("chip: pass a name such as trn2, or the facts of a chip", {
      category: "bad input",
      rule: "chip",
    });
  return new VirtualChip(nameOrFacts);
}
