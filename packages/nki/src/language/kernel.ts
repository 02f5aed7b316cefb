/** `kernel(name, fn)`: a TypeScript function over tensors that builds Programs. */
import { OpenTrnError } from "@opentrn/base";
import type { Chip } from "@opentrn/chips";
import { type Program, ProgramBuilder } from "@opentrn/isa";
import { bytesOf, type DType } from "@opentrn/numerics";
import { wholeTensor } from "./create.ts";
import { type Parameter, parametersOf } from "./parameters.ts";
import { callerOf } from "./source-line.ts";
import { Tensor } from "./tensor.ts";
import { Trace, withTrace } from "./trace.ts";

/** What a Program must know of an input; its values come when the Program runs. */
export interface TensorSpec {
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/** The tensors a kernel returns, all in shared_hbm. */
export type KernelResult = Tensor | readonly Tensor[];

export interface BuildOptions {
  readonly chip: Chip;
  /** Cores of the launch; default 1. */
  readonly lnc?: number;
  /** Input tensors by parameter name. */
  readonly inputs: Readonly<Record<string, TensorSpec>>;
  /** Compile-time values by parameter name. */
  readonly args?: Readonly<Record<string, unknown>>;
  /** Record the source line of every instruction; default true. Compilers, whose lines mean nothing, turn it off. */
  readonly lines?: boolean;
  /** Stops a kernel that never ends; default 20 million. */
  readonly maxInstructions?: number;
}

type KernelFunction = (...parameters: never[]) => KernelResult;

export class Kernel {
  readonly name: string;
  readonly parameters: readonly Parameter[];
  private readonly fn: KernelFunction;

  constructor(name: string, fn: KernelFunction) {
    this.name = name;
    this.fn = fn;
    this.parameters = parametersOf(name, fn);
  }

  /** Traces the kernel for a target and input shapes; every rule is checked on the way. */
  build(options: BuildOptions): Program {
    const { chip, inputs, args = {}, lnc = 1, lines = true, maxInstructions } = options;
    this.checkNames(inputs, args);
    const builder = new ProgramBuilder({
      name: this.name,
      chip,
      cores: lnc,
      ...(maxInstructions === undefined ? {} : { maxInstructions }),
    });
    const trace = new Trace(builder, lines);
    const values = this.parameters.map(({ name }) => {
      const spec = inputs[name];
      if (!spec) return args[name];
      const { shape, dtype } = spec;
      const id = builder.declare({ name, space: "hbm", kind: "input", dtype, shape });
      return wholeTensor(id, name, shape, dtype, "shared_hbm");
    });
    withTrace(trace, () => {
      for (let core = 0; core < lnc; core++) {
        trace.enterCore(core);
        const result = this.fn(...(values as never[]));
        const outputs = result instanceof Tensor ? [result] : result;
        if (core === 0) for (const o of this.outputsOf(outputs, builder)) builder.markOutput(o);
      }
    });
    return builder.finish();
  }

  private checkNames(
    inputs: Readonly<Record<string, unknown>>,
    args: Readonly<Record<string, unknown>>,
  ): void {
    const takes = `kernel ${this.name} takes (${this.parameters.map((p) => p.name).join(", ")})`;
    const bad = (message: string): never => {
      throw new OpenTrnError(`${takes}; ${message}`, {
        category: "bad input",
        rule: "kernel parameters",
      });
    };
    for (const name of [...Object.keys(inputs), ...Object.keys(args)])
      if (!this.parameters.some((p) => p.name === name)) bad(`${name} is none of them`);
    for (const { name, optional } of this.parameters) {
      if (name in inputs && name in args) bad(`${name} is given as an input and as a value`);
      if (!(name in inputs) && !(name in args) && !optional) bad(`${name} is missing`);
    }
  }

  private outputsOf(result: readonly Tensor[], builder: ProgramBuilder): readonly number[] {
    const bad = (why: string, line = 0): never => {
      const at = builder.lines[line];
      throw new OpenTrnError(
        `kernel ${this.name} returns ${why}; outputs are whole tensors in shared_hbm`,
        {
          category: "invalid program",
          rule: "kernel outputs",
          at: at && at.line > 0 ? { file: at.file, line: at.line } : undefined,
        },
      );
    };
    if (!Array.isArray(result) || result.length === 0) bad(`${String(result)}`);
    return result.map((t, i) => {
      if (!(t instanceof Tensor)) return bad(String(t));
      const s = builder.storages[t.storage]!;
      if (t.buffer !== "shared_hbm") bad(t.describe(), s.line);
      if (!t.isContiguous || t.isIndirect || t.size * bytesOf(t.dtype) !== s.rowBytes)
        bad(`${t.describe()}, a part of ${s.name}`, s.line);
      // A tensor without a name of its own is called after what it is to the caller.
      if (s.name === `hbm${s.id}`)
        builder.storages[s.id] = { ...s, name: result.length === 1 ? "out" : `out${i}` };
      return t.storage;
    });
  }
}

/**
 * Names a kernel: `kernel("add", (a, b) => …)`. Parameters are input tensors and, after them, compile-time values; they are given by
 * name. The function describes the instructions and returns the output tensors.
 */
export function kernel(name: string, fn: (...tensors: Tensor[]) => KernelResult): Kernel;
export function kernel<P extends readonly unknown[]>(
  name: string,
  fn: (...parameters: P) => KernelResult,
): Kernel;
export function kernel(name: string, fn: KernelFunction): Kernel {
  try {
    return new Kernel(name, fn);
  } catch (e) {
    const at = callerOf(kernel);
    if (e instanceof OpenTrnError && !e.at && at.line > 0) e.at = { file: at.file, line: at.line };
    throw e;
  }
}
