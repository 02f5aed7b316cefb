/** `trn profile`: where a kernel's time goes, what would make it faster and by how much, and what differs between two of them. */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { OpenTrnError } from "@opentrn/base";
import { chipNamed } from "@opentrn/chips";
import { listSchedule, place, timeline } from "@opentrn/device";
import type { Program } from "@opentrn/isa";
import {
  type AdviceOptions,
  compareProfiles,
  type Order,
  orders,
  type ProfileReport,
  profileOf,
  profileOfRecording,
  readChipFile,
  readProfileReport,
  runProgram,
  writeFileAtomic,
} from "@opentrn/runtime";
import { readProfile } from "@opentrn/trace";
import { exitCode } from "../failure.ts";
import type { Io } from "../io.ts";
import { choiceOption, numberOption } from "../run-options.ts";
import { openSession, type SessionOptions, tensorsOf } from "../session.ts";
import { renderComparison } from "../terminal/profile-comparison.ts";
import { renderProfile } from "../terminal/profile-report.ts";

export interface ProfileCommandOptions extends SessionOptions {
  readonly against?: string;
  readonly againstArg?: readonly string[];
  readonly schedule?: string;
  readonly values?: boolean;
  readonly advice?: boolean;
  readonly budget?: string;
  readonly top?: string;
  readonly maxSlower?: string;
  readonly report?: string;
  readonly json?: boolean;
}

/** Rows of each list in the terminal. */
const DEFAULT_TOP = 8;
/** Millions of instructions that what-ifs may run through the timeline. */
const DEFAULT_BUDGET = 3;

/** How a kernel becomes a profile, read before any work starts. */
interface Settings {
  readonly order: Order;
  readonly values: boolean;
  readonly advice: AdviceOptions;
}

export async function profileCommand(
  subject: string,
  options: ProfileCommandOptions,
  io: Io,
): Promise<number> {
  const top = numberOption("--top", options.top, 1, 1000) ?? DEFAULT_TOP;
  const millions = numberOption("--budget", options.budget, 0, 1e6, false) ?? DEFAULT_BUDGET;
  const slower = numberOption("--max-slower", options.maxSlower, 0, 1e6, false);
  if (slower !== undefined && options.against === undefined)
    throw new OpenTrnError("--max-slower compares with another profile; give it with --against", {
      category: "bad input",
      rule: "--max-slower",
    });
  const settings: Settings = {
    order: choiceOption("--schedule", options.schedule ?? "program-order", orders),
    values: options.values === true,
    advice: { budget: options.advice === false ? 0 : millions * 1e6 },
  };
  const report = await profileSubject(subject, options, settings, io);
  if (options.report !== undefined)
    writeFileAtomic(options.report, `${JSON.stringify(report, null, 2)}\n`);
  if (options.against === undefined) {
    if (options.json) io.out(`${JSON.stringify(report)}\n`);
    else io.out(renderProfile(report, io.colours, top));
    return exitCode.passed;
  }
  const given = options.againstArg ?? [];
  const names = new Set(given.map(nameOf));
  const arg = [...options.arg.filter((a) => !names.has(nameOf(a))), ...given];
  // Advice on the other side is not shown.
  const plain = { ...settings, advice: { budget: 0 } };
  const other = await profileSubject(options.against, { ...options, arg }, plain, io);
  const comparison = compareProfiles(report, other);
  if (options.json) io.out(`${JSON.stringify(comparison)}\n`);
  else io.out(renderComparison(comparison, io.colours, top));
  const tooSlow = slower !== undefined && comparison.total_ns.change_share * 100 > slower;
  return tooSlow ? exitCode.checkFailed : exitCode.passed;
}

const nameOf = (arg: string): string => arg.split("=", 1)[0]!;

/** A kernel, a saved Program, a saved report, or a dump of neuron-profile. */
async function profileSubject(
  subject: string,
  options: ProfileCommandOptions,
  settings: Settings,
  io: Io,
): Promise<ProfileReport> {
  if (!/\.json$/i.test(subject)) return profileKernel(subject, options, settings, io);
  const text = contents(subject);
  const saved = readProfileReport(text, subject);
  if (saved) return saved;
  const chip =
    options.chip === undefined ? chipNamed(options.target ?? "trn2") : readChipFile(options.chip);
  return profileOfRecording(basename(subject, ".json"), readProfile(text), chip, settings.advice);
}

async function profileKernel(
  kernel: string,
  options: ProfileCommandOptions,
  { order, values, advice }: Settings,
  io: Io,
): Promise<ProfileReport> {
  const session = await openSession(kernel, options, io, {
    ...(values ? { values: { preciseFp: true, fast: true } } : {}),
  });
  const { traced, args, seed, maxInstructions, progress } = session;
  try {
    progress.say(`timing ${traced.program.starts.length} instructions`);
    const max = maxInstructions === undefined ? {} : { maxSteps: maxInstructions };
    const timed =
      order === "list"
        ? ordered(traced.program, maxInstructions)
        : runProgram(traced.program, tensorsOf(args), { values, seed, ...max }).timeline!;
    progress.say("timing what-ifs");
    return profileOf(timed, advice);
  } finally {
    progress.done();
  }
}

function ordered(program: Program, maxInstructions: number | undefined) {
  const reordered = listSchedule(program);
  return timeline(reordered, place(reordered), { maxInstructions });
}

function contents(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (e) {
    throw new OpenTrnError(`${path} cannot be read: ${(e as Error).message}`, {
      category: "bad input",
      rule: "profile",
    });
  }
}
