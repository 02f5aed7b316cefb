/** Whole Programs: a 2048-cubed GEMM and flash attention from the examples, values and time. */
import { chipNamed } from "@opentrn/chips";
import { type Executable, place, prepare, timeline } from "@opentrn/device";
import type { Program } from "@opentrn/isa";
import type { Kernel } from "@opentrn/nki";
import {
  loadArgument,
  loadScriptKernel,
  readArgument,
  readKernelName,
  type TensorData,
} from "@opentrn/runtime";
import { repositoryFile } from "../repository.ts";
import { matmulRate } from "./kernels.ts";
import { medianSeconds } from "./measure.ts";
import { numpyInterpreter } from "./numpy.ts";
import { type Bench, CannotMeasure } from "./rows.ts";

const SIZE = 2048;
const SEQ = 2048;
const HEAD = 128;

function inputsOf(spec: Readonly<Record<string, string>>): Record<string, TensorData> {
  const inputs: Record<string, TensorData> = {};
  for (const [name, text] of Object.entries(spec)) {
    const value = loadArgument(readArgument(`${name}=${text}`), 0);
    if (value.kind === "tensor") inputs[name] = value.tensor;
  }
  return inputs;
}

const exampleKernel = (text: string): Promise<Kernel> =>
  loadScriptKernel(readKernelName(repositoryFile(text)));

interface Ready {
  readonly kernel: Kernel;
  readonly inputs: Record<string, TensorData>;
  readonly program: Program;
  readonly executable: Executable;
  readonly bytes: readonly Uint8Array[];
}

async function ready(text: string, spec: Readonly<Record<string, string>>): Promise<Ready> {
  const kernel = await exampleKernel(text);
  const inputs = inputsOf(spec);
  const program = kernel.build({ chip: chipNamed("trn2"), inputs });
  const executable = prepare(program, place(program));
  const bytes = program.inputs.map((id) => inputs[program.storages[id]!.name]!.bytes);
  return { kernel, inputs, program, executable, bytes };
}

const matrix = `${SIZE}x${SIZE}:bfloat16:normal`;
let gemm: Promise<Ready> | undefined;
const readyGemm = (): Promise<Ready> => {
  gemm ??= ready("examples/02-matmul.ts:matmulPipelined", { a: matrix, b: matrix });
  return gemm;
};
const head = `${SEQ}x${HEAD}:bfloat16:normal`;
const attention = { q: head, k: head, v: head };

/** Traces, places, prepares, runs and times once. */
function endToEnd({ kernel, inputs, bytes }: Ready): void {
  const program = kernel.build({ chip: chipNamed("trn2"), inputs });
  const placement = place(program);
  const outcome = prepare(program, placement).run(bytes);
  timeline(program, placement, { executed: outcome.executed });
}

export const programBenches: readonly Bench[] = [
  {
    name: "GEMM 2048^3 replay against nc_matmul alone",
    unit: "share",
    target: 0.85,
    higher: true,
    measure: async () => {
      const { executable, bytes } = await readyGemm();
      const rate = (2 * SIZE ** 3) / medianSeconds(() => executable.run(bytes), 1, 3) / 1e9;
      return {
        value: rate / matmulRate(),
        note: `${rate.toFixed(1)} GFLOP/s with all copies and transfers`,
      };
    },
  },
  {
    name: "GEMM 2048^3 values and time",
    unit: "s",
    target: 2,
    higher: false,
    measure: async () => {
      const { program, bytes } = await readyGemm();
      const placement = place(program);
      const executable = prepare(program, placement);
      const seconds = medianSeconds(
        () => {
          executable.run(bytes);
          timeline(program, placement);
        },
        1,
        3,
      );
      // Published, of other machines, and time without values.
      return {
        value: seconds,
        peer: 55,
        note: "peer: ONNXim, published, time only; one core here",
      };
    },
  },
  {
    name: "flash attention 2048x128 against NumPy",
    unit: "x",
    target: 5,
    higher: true,
    measure: async () => {
      const r = await ready("examples/05-flash-attention.ts:flashAttention", attention);
      const ours = medianSeconds(() => endToEnd(r), 2, 5);
      const numpy = numpyInterpreter(r.program, r.inputs, 5);
      if (!("figures" in numpy)) throw new CannotMeasure(numpy.missing);
      const theirs = numpy.figures.seconds;
      const ms = (s: number): string => `${(1000 * s).toFixed(0)} ms`;
      return {
        value: theirs / ours,
        peer: 1,
        note: `${ms(ours)} to trace (TypeScript), execute and time; eager NumPy ${ms(theirs)} to execute only`,
      };
    },
  },
];
