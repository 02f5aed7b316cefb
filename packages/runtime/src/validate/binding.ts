/** Which kernel of ours stands for a published row, and why others cannot be checked: data, read from `bindings.json`. */
import { readFileSync } from "node:fs";
import { OpenTrnError } from "@opentrn/base";
import type { PublishedRow } from "./row.ts";

/** Regular expressions by field of a row; named groups become settings of the kernel. */
export type Match = Readonly<Record<string, string>>;

export interface LaunchCost {
  readonly us: number;
  readonly why: string;
}

export interface Binding {
  readonly match: Match;
  /** `file.ts:case`; `<name>` stands for a named group. */
  readonly kernel: string;
  readonly with?: Readonly<Record<string, string | number>>;
  /** Names of sizes the kernel wants, by the row's names. */
  readonly shapes?: Readonly<Record<string, string>>;
  /** Row of `launches`: what the measurement holds beside the kernel. */
  readonly launch: string;
  /** Physical cores that run it; `row`: the row's own number. */
  readonly cores?: number | "row";
  readonly maxMatmuls?: number;
  readonly why?: string;
}

export interface Bindings {
  readonly launches: Readonly<Record<string, LaunchCost>>;
  readonly bindings: readonly Binding[];
  readonly unrebuildable: readonly { readonly match: Match; readonly why: string }[];
}

export interface Bound {
  readonly binding: Binding;
  /** File and case, groups filled in. */
  readonly file: string;
  readonly name: string;
  readonly settings: Readonly<Record<string, string | number>>;
}

/** Reads `bindings.json`. */
export function readBindings(path: string): Bindings {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Bindings;
  } catch (e) {
    throw new OpenTrnError(`${path} cannot be read: ${(e as Error).message}`, {
      category: "bad input",
      rule: "bindings",
    });
  }
}

const textOf = (value: unknown): string =>
  typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value);

/** Named groups of a match, or undefined when a field does not fit. */
export function matched(match: Match, row: PublishedRow): Record<string, string> | undefined {
  const groups: Record<string, string> = {};
  for (const [field, pattern] of Object.entries(match)) {
    const m = new RegExp(pattern).exec(textOf((row as unknown as Record<string, unknown>)[field]));
    if (m === null) return undefined;
    Object.assign(groups, m.groups);
  }
  return groups;
}

const numeric = (v: string): string | number => (/^\d+$/.test(v) ? Number(v) : v);

/** The first binding whose patterns fit. */
export function bindingOf(row: PublishedRow, { bindings }: Bindings): Bound | undefined {
  for (const binding of bindings) {
    const groups = matched(binding.match, row);
    if (groups === undefined) continue;
    const filled = binding.kernel.replace(/<(\w+)>/g, (_, g: string) => groups[g] ?? "");
    const [file, name] = filled.split(":") as [string, string];
    const settings = Object.fromEntries(Object.entries(groups).map(([k, v]) => [k, numeric(v)]));
    return { binding, file, name, settings: { ...binding.with, ...settings } };
  }
  return undefined;
}

/** Why nothing of ours stands for a row, where the file says so of rows of its family. */
export const notCompared = (row: PublishedRow, { unrebuildable }: Bindings): string | undefined =>
  unrebuildable.find((u) => u.match["family"] !== undefined && matched(u.match, row) !== undefined)
    ?.why;

/** Why no kernel stands for a row. */
export const reasonOf = (row: PublishedRow, { unrebuildable }: Bindings): string =>
  unrebuildable.find((u) => matched(u.match, row) !== undefined)?.why ??
  "no kernel is bound to rows of this source";
