/** `trn demo kernels`: the kernels of examples/demo.json from their Python source, checked against float64, with traces. */
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { exitCode } from "../failure.ts";
import type { Io } from "../io.ts";
import { repositoryFile } from "../repository.ts";
import { wrap } from "../terminal/table.ts";
import { hostTime } from "../terminal/units.ts";
import { runCommand } from "./run.ts";

interface DemoEntry {
  readonly title: string;
  readonly kernel: string;
  readonly args: Readonly<Record<string, string>>;
  readonly check: string;
  readonly rtol: number;
  readonly atol: number;
  /** Where the tolerance comes from. */
  readonly why: string;
}

export async function demoKernelsCommand(
  options: { readonly out: string; readonly json?: boolean },
  io: Io,
): Promise<number> {
  const { bold, dim } = io.colours;
  const demos = JSON.parse(
    readFileSync(repositoryFile("examples/demo.json"), "utf8"),
  ) as DemoEntry[];
  const started = performance.now();
  let worst: number = exitCode.passed;
  for (const d of demos) {
    if (!options.json) {
      io.out(`${bold(d.title)}  ${dim(d.kernel)}\n`);
      for (const [name, text] of Object.entries(d.args)) io.out(dim(`  --arg ${name}=${text}\n`));
      io.out(dim(`  ${wrap(`Allowed error: ${d.why}.`, 78, "  ")}\n`));
    }
    const place = join(options.out, basename(d.kernel).replace(/\..*/, ""));
    const code = await runCommand(
      repositoryFile(d.kernel),
      {
        arg: Object.entries(d.args).map(([name, text]) => `${name}=${text}`),
        check: repositoryFile(d.check),
        rtol: String(d.rtol),
        atol: String(d.atol),
        trace: `${place}.pftrace`,
        report: `${place}.json`,
        timing: true,
        ...(options.json ? { json: true } : {}),
      },
      io,
    );
    worst = Math.max(worst, code);
  }
  if (!options.json) {
    const ms = hostTime(performance.now() - started);
    io.out(`${demos.length} kernels in ${ms}, references in float64 included.\n`);
    io.out(dim(`Traces and reports are in ${options.out}/; open a trace in ui.perfetto.dev.\n`));
  }
  return worst;
}
