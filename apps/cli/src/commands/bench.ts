/** `trn bench`: this machine against the project's targets and against NumPy, with `--train` against PyTorch. Medians; peers run in the same minute. */
import { OpenTrnError } from "@opentrn/base";
import { hostBenches } from "../bench/hosts.ts";
import { suiteBenches } from "../bench/kernel-suite.ts";
import { kernelBenches } from "../bench/kernels.ts";
import { programBenches } from "../bench/programs.ts";
import { type BenchRow, runBench } from "../bench/rows.ts";
import { growthBenches } from "../bench/timeline-growth.ts";
import { trainingBenches } from "../bench/training.ts";
import { exitCode } from "../failure.ts";
import type { Io } from "../io.ts";
import { Progress } from "../progress.ts";
import { table } from "../terminal/table.ts";

const benches = [
  ...kernelBenches,
  ...programBenches,
  ...suiteBenches,
  ...hostBenches,
  ...growthBenches,
];

export async function benchCommand(
  options: { readonly filter?: string; readonly train?: boolean; readonly json?: boolean },
  io: Io,
): Promise<number> {
  const known = options.train ? trainingBenches : benches;
  const wanted = known.filter((b) => b.name.includes(options.filter ?? ""));
  if (wanted.length === 0)
    throw new OpenTrnError(
      `--filter ${JSON.stringify(options.filter)} matches no row; rows are ${known.map((b) => b.name).join(", ")}`,
      { category: "bad input", rule: "--filter" },
    );
  const progress = new Progress(io);
  const rows: BenchRow[] = [];
  try {
    for (const [i, b] of wanted.entries()) {
      progress.say(`${i + 1} of ${wanted.length}: ${b.name}`);
      rows.push(await runBench(b));
    }
  } finally {
    progress.done();
  }
  if (options.json) io.out(`${JSON.stringify(rows)}\n`);
  else show(rows, io);
  return exitCode.passed;
}

const digits = (x: number): string => (Math.abs(x) >= 100 ? x.toFixed(0) : x.toPrecision(3));

function show(rows: readonly BenchRow[], io: Io): void {
  const { dim, green, red } = io.colours;
  const cells = rows.map((r) => [
    r.met === null ? " " : r.met ? "✓" : "✗",
    r.name,
    r.value === null ? "" : digits(r.value),
    r.unit,
    digits(r.target),
    r.peer === null ? "" : digits(r.peer),
    r.ratio === null ? "" : `${digits(r.ratio)}x`,
  ]);
  const text = table(
    [
      { title: "" },
      { title: "what" },
      { title: "value", right: true },
      { title: "unit" },
      { title: "target", right: true },
      { title: "peer", right: true },
      { title: "ratio", right: true },
    ],
    cells,
    io.colours,
  );
  io.out(text.replace(/^✓/gm, green("✓")).replace(/^✗/gm, red("✗")));
  const notes = rows.filter((r) => r.note !== undefined);
  for (const r of notes) io.out(dim(`${r.name}: ${r.note}\n`));
}
