/** `trn run`: traces a kernel, computes its values, predicts its time, checks it and reports. */
import { OpenTrnError } from "@opentrn/base";
import { saveProgram } from "@opentrn/isa";
import {
  expectedOutputs,
  explainFirstWrong,
  type OutputTensor,
  type RunOptions as ProgramRunOptions,
  perfettoTrace,
  type RunReport,
  type RunResult,
  reportOf,
  runProgram,
  watchedStorages,
  writeFileAtomic,
  writeTensorFile,
} from "@opentrn/runtime";
import { exitCode } from "../failure.ts";
import type { Io } from "../io.ts";
import { choiceOption, numberOption, type RunOptions } from "../run-options.ts";
import { openSession, type Session, tensorsOf } from "../session.ts";
import { refuseLints } from "../strict.ts";
import { renderReport } from "../terminal/run-report.ts";

export async function runCommand(kernel: string, options: RunOptions, io: Io): Promise<number> {
  checkCombination(options);
  const rtol = numberOption("--rtol", options.rtol, 0, Number.MAX_VALUE, false);
  const atol = numberOption("--atol", options.atol, 0, Number.MAX_VALUE, false);
  const preciseFp = preciseFpOf(options, io);
  const session = await openSession(kernel, options, io, {
    ...(options.timingOnly ? {} : { values: { preciseFp, fast: options.reference !== true } }),
    lint: true,
  });
  const { traced, args, progress } = session;
  try {
    if (options.strict) refuseLints(traced);
    const { inputs, settings } = runOf(session, options, preciseFp);
    const result = runProgram(traced.program, inputs, settings);
    const expected =
      options.check === undefined || !result.outputs
        ? undefined
        : await expectedWith(options.check, session, result.outputs);
    progress.done();
    const given = {
      ...(rtol === undefined ? {} : { rtol }),
      ...(atol === undefined ? {} : { atol }),
    };
    const checked = reportOf(traced, result, { args, expected, given });
    const report = explainFirstWrong(checked, result, inputs, settings);
    const files = writeFiles(options, traced.program, result, report);
    if (options.json) io.out(`${JSON.stringify(report)}\n`);
    else io.out(renderReport(report, io.colours, { files }));
    const passed = report.outputs.every((o) => o.check?.passed ?? true);
    return passed ? exitCode.passed : exitCode.checkFailed;
  } finally {
    progress.done();
  }
}

/** What the Program is run with. */
function runOf(
  session: Session,
  options: RunOptions,
  preciseFp: boolean,
): { readonly inputs: ReturnType<typeof tensorsOf>; readonly settings: ProgramRunOptions } {
  const { traced, args, seed, maxInstructions, progress } = session;
  const { program } = traced;
  const stages = {
    place: `placing ${program.storages.length} tensors`,
    execute: `executing ${program.starts.length} instructions`,
    timeline: `timing ${program.starts.length} instructions`,
  };
  const watch = options.watch?.flatMap((t) => [...watchedStorages(program, traced.outputs, t)]);
  const settings: ProgramRunOptions = {
    values: options.timingOnly !== true,
    time: options.timing,
    fast: options.reference !== true,
    preciseFp,
    seed,
    ...(maxInstructions === undefined ? {} : { maxSteps: maxInstructions }),
    outputs: traced.outputs,
    ...(watch ? { watch: new Set(watch) } : {}),
    onStage: (stage) => progress.say(stages[stage]),
  };
  return { inputs: tensorsOf(args), settings };
}

async function expectedWith(
  check: string,
  { args, progress }: Session,
  outputs: readonly OutputTensor[],
): Promise<readonly Float64Array[]> {
  progress.say(`computing the reference ${check}`);
  return expectedOutputs(check, args, outputs);
}

function writeFiles(
  options: RunOptions,
  program: Parameters<typeof saveProgram>[0],
  result: RunResult,
  report: RunReport,
): (readonly [string, string])[] {
  const files: (readonly [string, string])[] = [];
  if (options.save !== undefined) {
    writeFileAtomic(options.save, saveProgram(program));
    files.push(["program", options.save]);
  }
  if (options.outputs !== undefined && result.outputs) {
    writeTensorFile(options.outputs, Object.fromEntries(result.outputs.map((o) => [o.name, o])));
    files.push(["outputs", options.outputs]);
  }
  if (options.trace !== undefined && result.timeline) {
    writeFileAtomic(options.trace, perfettoTrace(result.timeline));
    files.push(["trace", `${options.trace} (opens in ui.perfetto.dev)`]);
  }
  if (options.report !== undefined) {
    writeFileAtomic(options.report, `${JSON.stringify(report, null, 2)}\n`);
    files.push(["report", options.report]);
  }
  return files;
}

function checkCombination(o: RunOptions): void {
  const clash = (a: string, b: string, why: string): never => {
    throw new OpenTrnError(`${a} and ${b} exclude each other: ${why}`, {
      category: "bad input",
      rule: a,
    });
  };
  if (o.timingOnly && !o.timing) clash("--timing-only", "--no-timing", "nothing would be left");
  if (o.timingOnly && o.check !== undefined)
    clash("--timing-only", "--check", "there are no values to check");
  if (o.timingOnly && o.outputs !== undefined)
    clash("--timing-only", "--outputs", "there are no values to write");
  if (o.timingOnly && o.watch !== undefined)
    clash("--timing-only", "--watch", "there are no values to show");
  if (!o.timing && o.trace !== undefined)
    clash("--no-timing", "--trace", "a trace shows predicted time");
}

/** `--precise-fp off`, or NKI_PRECISE_FP=0 where the option is left out. */
function preciseFpOf(options: RunOptions, io: Io): boolean {
  if (options.preciseFp !== undefined)
    return choiceOption("--precise-fp", options.preciseFp, ["on", "off"]) === "on";
  return !["0", "off", "false"].includes((io.env["NKI_PRECISE_FP"] ?? "").toLowerCase());
}
