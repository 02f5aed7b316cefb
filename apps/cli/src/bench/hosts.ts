/** How fast the Python hosts trace, how fast the timeline is on such a trace, and how soon `trn run` answers. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { chipNamed } from "@opentrn/chips";
import { place, timeline } from "@opentrn/device";
import {
  type KernelJob,
  pythonAvailable,
  type TracedKernel,
  traceCPython,
  tracePyodide,
} from "@opentrn/nki";
import { repositoryFile } from "../repository.ts";
import { median, medianSeconds, medianSecondsAsync } from "./measure.ts";
import { type Bench, CannotMeasure } from "./rows.ts";

/** Rounds of bench/trace_kernel.py, eight instructions each. */
const FEW = 10;
const MANY = 12_500;
const RUNS = 3;

const job = (rounds: number): KernelJob => ({
  file: repositoryFile("bench/trace_kernel.py"),
  args: [
    { name: "x", shape: [128, 512], dtype: "bfloat16" },
    { name: "rounds", literal: String(rounds) },
  ],
  chip: chipNamed("trn2"),
});

type Host = (job: KernelJob) => Promise<TracedKernel>;

/** Instructions a second once the interpreter runs: the start is in both traces and falls out of the difference. */
async function tracingRate(host: Host): Promise<number> {
  const few: number[] = [];
  const many: number[] = [];
  for (let i = 0; i < RUNS; i++) {
    few.push((await host(job(FEW))).traceMs);
    many.push((await host(job(MANY))).traceMs);
  }
  return (8 * (MANY - FEW)) / ((median(many) - median(few)) / 1000);
}

const needsPython = (): void => {
  if (!pythonAvailable()) throw new CannotMeasure("no python3 on the path");
};

/** Runs the command line as a user would, output dropped; returns what it said on standard error. */
function runTrn(args: readonly string[], nodeArgs: readonly string[] = []): Promise<string> {
  const bin = fileURLToPath(new URL("../../bin/trn.mjs", import.meta.url));
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...nodeArgs, bin, ...args], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let err = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      err += text;
    });
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 ? resolve(err) : reject(new CannotMeasure(`trn ${args.join(" ")} failed: ${err}`)),
    );
  });
}

const smallRun = (python: string): readonly string[] => [
  "run",
  repositoryFile("examples/03-softmax.py"),
  "--arg",
  "x=256x512:float32:normal",
  "--python",
  python,
];

const latency = (python: string): Promise<number> =>
  medianSecondsAsync(() => runTrn(smallRun(python)).then(() => {}), RUNS);

/** Prints the highest resident set of the process as it ends. */
const watchMemory =
  "data:text/javascript,process.on('exit',()=>console.error('maxrss',process.resourceUsage().maxRSS))";

async function demo(): Promise<{ seconds: number; gib: number }> {
  const folder = mkdtempSync(join(tmpdir(), "trn-demo-"));
  try {
    const started = performance.now();
    const err = await runTrn(["demo", "kernels", "--out", folder], ["--import", watchMemory]);
    const seconds = (performance.now() - started) / 1000;
    return { seconds, gib: Number(/maxrss (\d+)/.exec(err)?.[1]) / 2 ** 20 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export const hostBenches: readonly Bench[] = [
  {
    name: "timeline",
    unit: "M instr/s",
    target: 1,
    higher: true,
    measure: async () => {
      const { program } = await (pythonAvailable() ? traceCPython : tracePyodide)(job(MANY));
      const placement = place(program);
      const seconds = medianSeconds(() => timeline(program, placement), 1, 3);
      return { value: program.starts.length / seconds / 1e6 };
    },
  },
  {
    name: "tracing in CPython",
    unit: "k instr/s",
    target: 150,
    higher: true,
    measure: async () => {
      needsPython();
      return { value: (await tracingRate(traceCPython)) / 1000, note: "all rules checked" };
    },
  },
  {
    name: "tracing in Pyodide",
    unit: "k instr/s",
    target: 60,
    higher: true,
    measure: async () => ({
      value: (await tracingRate(tracePyodide)) / 1000,
      note: "all rules checked",
    }),
  },
  {
    name: "trn run on a small kernel, CPython",
    unit: "s",
    target: 1,
    higher: false,
    measure: async () => {
      needsPython();
      return { value: await latency("cpython") };
    },
  },
  {
    name: "trn run on a small kernel, Pyodide",
    unit: "s",
    target: 3,
    higher: false,
    measure: async () => ({ value: await latency("pyodide") }),
  },
  {
    name: "memory of the kernel demo",
    unit: "GiB",
    target: 1,
    higher: false,
    measure: async () => {
      const { seconds, gib } = await demo();
      return { value: gib, note: `the demo took ${seconds.toFixed(1)} s` };
    },
  },
];
