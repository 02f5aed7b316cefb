/** What a command line asks for, made ready: the kernel traced, its arguments loaded. Shared by run, print and demo. */
import { OpenTrnError } from "@opentrn/base";
import { type Chip, chipNamed } from "@opentrn/chips";
import {
  type ArgumentValue,
  evaluateSoFar,
  inputBytes,
  loadArgument,
  type PythonHost,
  pythonHosts,
  readArgument,
  readChipFile,
  readKernelName,
  type TensorData,
  type TracedProgram,
  type TraceRequest,
  traceKernel,
} from "@opentrn/runtime";
import { interruptible } from "./interrupt.ts";
import type { Io } from "./io.ts";
import { Progress } from "./progress.ts";
import { choiceOption, numberOption } from "./run-options.ts";

export interface SessionOptions {
  readonly arg: readonly string[];
  readonly target?: string;
  readonly chip?: string;
  readonly lnc?: string;
  readonly seed?: string;
  readonly python?: string;
  readonly maxInstructions?: string;
}

/** What a kernel that is traced may have beyond its arguments. */
export interface Tracing {
  /** Values for a kernel that looks at tensors while it is traced; absent: it sees none. */
  readonly values?: { readonly preciseFp: boolean; readonly fast: boolean };
  /** Lint Python kernels. */
  readonly lint?: boolean;
}

export interface Session {
  readonly traced: TracedProgram;
  readonly args: Readonly<Record<string, ArgumentValue>>;
  readonly seed: number;
  readonly maxInstructions: number | undefined;
  readonly progress: Progress;
}

/** Reads every option before any work starts, so that a mistake costs nothing. */
export async function openSession(
  kernel: string,
  options: SessionOptions,
  io: Io,
  tracing: Tracing = {},
): Promise<Session> {
  const name = readKernelName(kernel);
  const seed = numberOption("--seed", options.seed, 0, 2 ** 32 - 1) ?? 0;
  const lnc = numberOption("--lnc", options.lnc, 1, 8);
  const maxInstructions = numberOption("--max-instructions", options.maxInstructions, 1, 2 ** 31);
  const python: PythonHost = choiceOption("--python", options.python ?? "auto", pythonHosts);
  const chip = chipOf(options);
  const args = loadArguments(options.arg, seed);
  const progress = new Progress(io);
  progress.say(`tracing ${kernel}`);
  try {
    const request: TraceRequest = {
      name,
      args,
      chip,
      lnc,
      python,
      maxInstructions,
      onProgress: (n) => progress.say(`tracing ${kernel}: ${n} instructions`),
      onPrint: (text) => {
        progress.done();
        // The kernel's own output goes beside the report, which may be read by a program.
        io.err(text);
      },
      stdin: io.stdin === true,
      lint: tracing.lint === true,
      evaluate:
        tracing.values &&
        evaluateSoFar((program) => inputBytes(program, tensorsOf(args)), {
          ...tracing.values,
          seed,
        }),
    };
    const traced =
      name.language === "python"
        ? await interruptible((signal) => traceKernel({ ...request, signal }))
        : await traceKernel(request);
    return { traced, args, seed, maxInstructions, progress };
  } finally {
    progress.done();
  }
}

/** The tensors among the arguments. */
export function tensorsOf(args: Session["args"]): Readonly<Record<string, TensorData>> {
  const tensors: Record<string, TensorData> = {};
  for (const [name, value] of Object.entries(args))
    if (value.kind === "tensor") tensors[name] = value.tensor;
  return tensors;
}

function chipOf(options: SessionOptions): Chip | undefined {
  if (options.chip !== undefined && options.target !== undefined)
    throw new OpenTrnError("--chip and --target both choose the chip; give one of them", {
      category: "bad input",
      rule: "--chip",
    });
  if (options.chip !== undefined) return readChipFile(options.chip);
  return options.target === undefined ? undefined : chipNamed(options.target);
}

/** The tensors of a rank of `--ranks`: made up from seed + rank, while what files hold is the same for all ranks. */
export function tensorsOfRank(
  session: Session,
  texts: readonly string[],
  rank: number,
): Readonly<Record<string, TensorData>> {
  const made = texts.map(readArgument).filter(({ source }) => source.kind === "generated");
  const seed = (session.seed + rank) % 2 ** 32;
  const own = Object.fromEntries(made.map((a) => [a.name, loadArgument(a, seed)]));
  return tensorsOf({ ...session.args, ...own });
}

function loadArguments(texts: readonly string[], seed: number): Record<string, ArgumentValue> {
  const args: Record<string, ArgumentValue> = {};
  for (const text of texts) {
    const argument = readArgument(text);
    if (Object.hasOwn(args, argument.name))
      throw new OpenTrnError(`--arg ${argument.name} is given twice`, {
        category: "bad input",
        rule: "--arg",
      });
    args[argument.name] = loadArgument(argument, seed);
  }
  return args;
}
