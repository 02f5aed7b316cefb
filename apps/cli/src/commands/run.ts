/** `trn run`: traces a kernel, computes its values, predicts its time, checks it and reports. */
import { OpenTrnError } from "@opentrn/base";
import { saveProgram } from "@opentrn/isa";
import {
  expectedOutputs,
  explainFirstWrong,
  type OutputTensor,
  type RunOptions as ProgramRunOptions,
  type RunReport,
  type RunResult,
  reportOf,
  reportOfRanks,
  runProgram,
  runProgramRanks,
  traceFiles,
  watchedStorages,
  writeFileAtomic,
  writeTensorFile,
} from "@opentrn/runtime";
import { exitCode } from "../failure.ts";
import type { Io } from "../io.ts";
import { choiceOption, numberOption, type RunOptions } from "../run-options.ts";
import { openSession, type Session, tensorsOf, tensorsOfRank } from "../session.ts";
import { refuseLints } from "../strict.ts";
import { renderReport } from "../terminal/run-report.ts";

export async function runCommand(kernel: string, options: RunOptions, io: Io): Promise<number> {
  checkCombination(options);
  const rtol = numberOption("--rtol", options.rtol, 0, Number.MAX_VALUE, false);
  const atol = numberOption("--atol", options.atol, 0, Number.MAX_VALUE, false);
  const preciseFp = preciseFpOf(options, io);
  const ranks = numberOption("--ranks", options.ranks, 1, 128);
  const session = await openSession(kernel, options, io, {
    // What a kernel sees while it is traced would be rank 0's, in a Program that all ranks run.
    ...(options.timingOnly || ranks !== undefined
      ? {}
      : { values: { preciseFp, fast: options.reference !== true } }),
    lint: true,
  });
  const { traced, args, progress } = session;
  try {
    if (options.strict) refuseLints(traced);
    const { inputs, settings } = runOf(session, options, preciseFp);
    if (ranks !== undefined) return runOnRanks(session, ranks, options, settings, io);
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
    show(report, files, options, io);
    const passed = report.outputs.every((o) => o.check?.passed ?? true);
    return passed ? exitCode.passed : exitCode.checkFailed;
  } finally {
    progress.done();
  }
}

/** `--ranks`: rank n on inputs of its own; the report is rank 0's, with the outputs of all. */
function runOnRanks(
  session: Session,
  ranks: number,
  options: RunOptions,
  settings: ProgramRunOptions,
  io: Io,
): number {
  const { traced, progress } = session;
  const inputs = Array.from({ length: ranks }, (_, n) => tensorsOfRank(session, options.arg, n));
  const result = runProgramRanks(traced.program, inputs, {
    ...settings,
    ...(options.machine === undefined ? {} : { machine: options.machine }),
  });
  progress.done();
  const report = reportOfRanks(traced, result);
  const outputs = result.ranks.flatMap((r, n) =>
    r.outputs.map((o) => ({ ...o, name: `rank${n}.${o.name}` })),
  );
  show(report, writeFiles(options, traced.program, { ...result, outputs }, report), options, io);
  return exitCode.passed;
}

function show(report: RunReport, files: WrittenFiles, options: RunOptions, io: Io): void {
  if (options.json) io.out(`${JSON.stringify(report)}\n`);
  else io.out(renderReport(report, io.colours, { files }));
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

/** What was written, and where. */
type WrittenFiles = readonly (readonly [string, string])[];

function writeFiles(
  options: RunOptions,
  program: Parameters<typeof saveProgram>[0],
  result: Pick<RunResult, "outputs" | "timeline">,
  report: RunReport,
): WrittenFiles {
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
    const { files: written, opens } = traceFiles(options.trace, result.timeline);
    for (const { path, chunks } of written) writeFileAtomic(path, chunks);
    files.push(["trace", `${options.trace} (${opens})`]);
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
  if (o.machine !== undefined && o.ranks === undefined)
    clash("--machine", "a run of one rank", "it says where ranks are; give --ranks");
  if (o.ranks !== undefined) {
    if (o.check !== undefined)
      clash(
        "--ranks",
        "--check",
        "a reference is not told the ranks' inputs yet; compare --outputs",
      );
    if (o.watch !== undefined)
      clash("--ranks", "--watch", "writes are not shown by rank yet; use nl.device_print");
    if (o.timingOnly)
      clash("--ranks", "--timing-only", "the time is that of one rank; leave --ranks out");
  }
  if (!o.timing && o.trace !== undefined)
    clash("--no-timing", "--trace", "a trace shows predicted time");
}

/** `--precise-fp off`, or NKI_PRECISE_FP=0 where the option is left out. */
function preciseFpOf(options: RunOptions, io: Io): boolean {
  if (options.preciseFp !== undefined)
    return choiceOption("--precise-fp", options.preciseFp, ["on", "off"]) === "on";
  return !["0", "off", "false"].includes((io.env["NKI_PRECISE_FP"] ?? "").toLowerCase());
}
