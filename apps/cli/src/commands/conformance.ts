/**
 * `trn conformance DIR`: finds the kernels of a checkout of a public repository, runs their own tests and scripts on the virtual chip, and
 * says pass, fail, unsupported or invalid for each, with the reason.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { OpenTrnError } from "@opentrn/base";
import { chipNamed } from "@opentrn/chips";
import { writeFileAtomic } from "@opentrn/runtime";
import { sectionOf, withSection } from "../conformance/page.ts";
import { runModule } from "../conformance/python-module.ts";
import {
  type ConformanceResult,
  readResult,
  type Status,
  statuses,
} from "../conformance/result.ts";
import { exitCode } from "../failure.ts";
import type { Colours, Io } from "../io.ts";
import { table } from "../terminal/table.ts";

export interface ConformanceOptions {
  readonly json?: boolean;
  readonly only?: string;
  readonly timeout?: string;
  readonly commit?: string;
  readonly target?: string;
  readonly write?: string;
  readonly name?: string;
}

const REASON_COLUMN = 100;

/** Exit 0: no kernel failed; 1: at least one did. What is unsupported or invalid is listed and does not fail the run. */
export async function conformanceCommand(
  folder: string,
  options: ConformanceOptions,
  io: Io,
): Promise<number> {
  if (!existsSync(folder) || !statSync(folder).isDirectory())
    throw new OpenTrnError(`${folder} is no folder; give the checkout of a repository`, {
      category: "bad input",
      rule: "folder",
    });
  const result = await run(folder, options, io);
  if (options.json) io.out(`${JSON.stringify(result, null, 1)}\n`);
  else io.out(shown(result, io.colours));
  if (options.write !== undefined) writePage(options.write, options.name ?? folder, result);
  return result.counts.fail > 0 ? exitCode.checkFailed : exitCode.passed;
}

async function run(
  folder: string,
  options: ConformanceOptions,
  io: Io,
): Promise<ConformanceResult> {
  const args = [folder];
  if (options.only !== undefined) args.push("--only", options.only);
  if (options.timeout !== undefined) args.push("--timeout", String(seconds(options.timeout)));
  if (options.commit !== undefined) args.push("--commit", options.commit);
  const target = options.target === undefined ? undefined : chipNamed(options.target).name;
  const env = target === undefined ? {} : { NEURON_PLATFORM_TARGET_OVERRIDE: target };
  const child = await runModule("nki_conformance", args, env, io, (text) => io.err(text));
  if (child.code !== 0)
    throw new OpenTrnError(`the conformance run ended with exit code ${child.code}`, {
      category: "internal",
    });
  return readResult(child.out);
}

function seconds(text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new OpenTrnError(`--timeout is ${text}; give seconds above 0`, {
    category: "bad input",
    rule: "timeout",
  });
}

function writePage(path: string, name: string, result: ConformanceResult): void {
  const page = existsSync(path) ? readFileSync(path, "utf8") : "# Conformance\n";
  writeFileAtomic(path, withSection(page, name, sectionOf(name, result)));
}

/** The table a person reads: what did not pass first, then the counts. */
function shown(result: ConformanceResult, colours: Colours): string {
  const paint: Readonly<Record<Status, (s: string) => string>> = {
    pass: colours.green,
    fail: colours.red,
    unsupported: colours.yellow,
    invalid: colours.dim,
  };
  const order = (s: Status): number => ["fail", "unsupported", "invalid", "pass"].indexOf(s);
  const rows = [...result.kernels].sort((a, b) => order(a.status) - order(b.status));
  const columns = [
    { title: "status" },
    { title: "kernel" },
    { title: "ms", right: true },
    { title: "file" },
    { title: "reason", max: REASON_COLUMN },
  ];
  const text = table(
    columns,
    rows.map((r) => [r.status, r.kernel, r.ms.toFixed(0), r.file, r.reason]),
    colours,
  );
  const counts = statuses.map((s) => paint[s](`${result.counts[s]} ${s}`)).join(", ");
  return `${text}\n${result.commit === null ? "" : `commit ${result.commit}: `}${rows.length} kernels: ${counts}\n`;
}
