/** `trn validate`: predictions against published measurements and against recorded profiles. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { OpenTrnError } from "@opentrn/base";
import { chipNamed } from "@opentrn/chips";
import { replay } from "@opentrn/device";
import {
  accuracyFiles,
  fitTables,
  judged,
  type Order,
  orders,
  type ProfileAccuracy,
  type PublishedRow,
  profileAccuracy,
  profileJson,
  readAssumed,
  readNotes,
  readReplayed,
  readRows,
  sensitivities,
  type Validation,
  validate,
  validationJson,
} from "@opentrn/runtime";
import { readProfile } from "@opentrn/trace";
import { exitCode } from "../failure.ts";
import type { Io } from "../io.ts";
import { Progress } from "../progress.ts";
import { repositoryFile } from "../repository.ts";
import { profileReport } from "../terminal/profile-accuracy.ts";
import { validationReport } from "../terminal/validation.ts";

export interface ValidateCommandOptions {
  readonly profile?: readonly string[];
  readonly rows?: string;
  readonly only?: string;
  readonly target?: string;
  readonly schedule?: string;
  readonly each?: boolean;
  readonly write?: boolean;
  readonly check?: boolean;
  readonly json?: boolean;
}

export async function validateCommand(options: ValidateCommandOptions, io: Io): Promise<number> {
  const { profile = [] } = options;
  if (profile.length > 0) return validateProfiles(profile, options, io);
  const bindings = repositoryFile("validation/bindings.json");
  if (options.write || options.check) return accuracyPage(bindings, options, io);
  const rows = chosen(options, join(dirname(bindings), "rows"));
  const result = await checkedRows(rows, bindings, options, io);
  if (options.json) io.out(`${JSON.stringify(validationJson(result))}\n`);
  else io.out(validationReport(result, options.each ?? false, io.colours));
  return exitCode.passed;
}

/** Writes the accuracy page, its plots and the tables of ranges, or says which of them are not what would be written. */
async function accuracyPage(
  bindings: string,
  options: ValidateCommandOptions,
  io: Io,
): Promise<number> {
  const folder = dirname(bindings);
  const rows = chosen({}, join(folder, "rows"));
  const validation = await checkedRows(rows, bindings, options, io);
  // Ranges on the page are those that these very rows give.
  const tables = fitTables(validation.checked);
  const checked = validation.checked.map((c) => judged(c, tables));
  const files = accuracyFiles({
    validation: { ...validation, checked },
    tables,
    replayed: readReplayed(folder),
    notes: readNotes(folder),
    sensitivity: await sensitivities(readAssumed(join(folder, "assumed.json")), rows, { bindings }),
  });
  const root = dirname(folder);
  const stale = Object.entries(files).filter(
    ([name, text]) => !existsSync(join(root, name)) || contents(join(root, name)) !== text,
  );
  if (options.check) {
    for (const [name] of stale) io.err(`${name} is out of date; trn validate --write renews it\n`);
  } else
    for (const [name, text] of stale) {
      writeFileSync(join(root, name), text);
      io.out(`${name}\n`);
    }
  if (stale.length === 0) io.out("docs/accuracy.md, its plots and tables are up to date\n");
  return options.check && stale.length > 0 ? exitCode.checkFailed : exitCode.passed;
}

function validateProfiles(
  paths: readonly string[],
  options: ValidateCommandOptions,
  io: Io,
): number {
  const chip = chipNamed(options.target ?? "trn2");
  const results = paths.map((path): [string, ProfileAccuracy] => [
    basename(path, ".json"),
    profileAccuracy(replay(readProfile(contents(path)), chip)),
  ]);
  const profiles = results.map(([name, a]) => profileJson(name, a));
  if (options.write) {
    const stored = join(dirname(repositoryFile("validation/bindings.json")), "replayed.json");
    writeFileSync(stored, `${JSON.stringify(profiles, rounded, 2)}\n`);
  }
  if (options.json) io.out(`${JSON.stringify({ profiles })}\n`);
  else for (const [name, a] of results) io.out(profileReport(name, a, io.colours));
  return exitCode.passed;
}

/** Figures are kept to three digits behind the point, so that last bits of another machine's libm do not show. */
const rounded = (_: string, value: unknown): unknown =>
  typeof value === "number" ? Math.round(1e3 * value) / 1e3 : value;

function contents(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (e) {
    throw new OpenTrnError(`${path} cannot be read: ${(e as Error).message}`, {
      category: "bad input",
      rule: "--profile",
    });
  }
}

/** Rows of a file, or all of the repository's. */
function chosen({ rows, only }: ValidateCommandOptions, folder: string): PublishedRow[] {
  const paths = rows
    ? [rows]
    : readdirSync(folder)
        .sort()
        .map((f) => join(folder, f));
  const all = paths.flatMap((path) => readRows(path));
  if (only === undefined) return all;
  const wanted = all.filter((r) =>
    [r.id, r.kernel, r.family, r.variant, r.source_group].some((t) => t?.includes(only)),
  );
  if (wanted.length === 0)
    throw new OpenTrnError(`--only ${JSON.stringify(only)} matches none of ${all.length} rows`, {
      category: "bad input",
      rule: "--only",
    });
  return wanted;
}

async function checkedRows(
  rows: readonly PublishedRow[],
  bindings: string,
  { schedule }: ValidateCommandOptions,
  io: Io,
): Promise<Validation> {
  if (schedule !== undefined && !(orders as readonly string[]).includes(schedule))
    throw new OpenTrnError(`--schedule is ${schedule}, must be ${orders.join(" or ")}`, {
      category: "bad input",
      rule: "--schedule",
    });
  const progress = new Progress(io);
  try {
    return await validate(rows, {
      bindings,
      ...(schedule === undefined ? {} : { order: schedule as Order }),
      onProgress: (done, of) => progress.say(`row ${done + 1} of ${of}`),
    });
  } finally {
    progress.done();
  }
}
