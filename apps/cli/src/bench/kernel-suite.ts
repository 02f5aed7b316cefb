/** The kernels of bench/kernels, end to end (trace, place, prepare, execute, time), against the NumPy peer on the same instructions. */
import { chipNamed } from "@opentrn/chips";
import { place, prepare, timeline } from "@opentrn/device";
import type { Kernel } from "@opentrn/nki";
import { importScript, type TensorData } from "@opentrn/runtime";
import { repositoryFile } from "../repository.ts";
import { medianSeconds } from "./measure.ts";
import { numpyInterpreter } from "./numpy.ts";
import { type Bench, CannotMeasure } from "./rows.ts";

/** What bench/kernels/catalogue.ts says of a kernel. */
interface SuiteKernel {
  readonly name: string;
  readonly chip: string;
  readonly kernel: Kernel;
  readonly size: string;
  readonly real: () => Readonly<Record<string, TensorData>>;
}

/** Names in the catalogue, known before it is loaded so that rows can be listed. */
export const suiteNames = [
  "GQA flash attention",
  "GQA flash attention backward",
  "RMSNorm and QKV",
  "fp8 MLP",
  "MX matmul",
  "MoE block-wise matmul",
] as const;

const CATALOGUE = "bench/kernels/catalogue.ts";
const REPEATS = 5;
const TARGET = 5;

interface Against {
  /** Seconds, end to end. */
  readonly ours: number;
  /** Seconds of the NumPy interpreter, values alone. */
  readonly theirs: number;
  readonly instructions: number;
  readonly size: string;
}

const measured = new Map<string, Promise<Against>>();

async function measure(name: string): Promise<Against> {
  const { benchKernels } = (await importScript(repositoryFile(CATALOGUE))) as {
    benchKernels: readonly SuiteKernel[];
  };
  const found = benchKernels.find((k) => k.name === name);
  if (!found) throw new CannotMeasure(`${CATALOGUE} has no kernel named ${name}`);
  const chip = chipNamed(found.chip);
  const inputs = found.real();
  const program = found.kernel.build({ chip, inputs });
  const bytes = program.inputs.map((id) => inputs[program.storages[id]!.name]!.bytes);
  const ours = medianSeconds(
    () => {
      const traced = found.kernel.build({ chip, inputs });
      const placement = place(traced);
      const { executed } = prepare(traced, placement).run(bytes);
      timeline(traced, placement, { executed });
    },
    1,
    REPEATS,
  );
  const numpy = numpyInterpreter(program, inputs, REPEATS);
  if (!("figures" in numpy)) throw new CannotMeasure(numpy.missing);
  const { seconds, instructions } = numpy.figures;
  return { ours, theirs: seconds, instructions, size: found.size };
}

/** Measured once a process: the mean uses what the rows before it found. */
function against(name: string): Promise<Against> {
  let known = measured.get(name);
  if (!known) {
    known = measure(name);
    measured.set(name, known);
  }
  return known;
}

const ms = (s: number): string => `${(1000 * s).toFixed(0)} ms`;

export const geometricMean = (values: readonly number[]): number =>
  Math.exp(values.reduce((sum, v) => sum + Math.log(v), 0) / values.length);

export const suiteBenches: readonly Bench[] = [
  ...suiteNames.map(
    (name): Bench => ({
      name: `${name} against NumPy`,
      unit: "x",
      target: TARGET,
      higher: true,
      measure: async () => {
        const { ours, theirs, instructions, size } = await against(name);
        return {
          value: theirs / ours,
          peer: 1,
          note: `${size}; ${instructions} instructions; ${ms(ours)} to trace (TypeScript), execute and time; eager NumPy ${ms(theirs)} to execute only`,
        };
      },
    }),
  ),
  {
    name: "kernels against NumPy, geometric mean",
    unit: "x",
    target: TARGET,
    higher: true,
    measure: async () => {
      const all = await Promise.all(suiteNames.map(against));
      return { value: geometricMean(all.map((a) => a.theirs / a.ours)), peer: 1 };
    },
  },
];
