/** Everything the accuracy page says, gathered once for its Markdown and HTML forms. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Tables } from "../../uncertainty/tables.ts";
import type { PublishedRow } from "../row.ts";
import type { Sensitivity } from "../sensitivity.ts";
import type { CheckedRow, Validation } from "../validation.ts";

/** Contents of `validation/notes.json`: what no program can find out. */
export interface Notes {
  /** Best explanation of a large error, by text in the row's kernel and variant; the first that fits counts. */
  readonly explanations: readonly { readonly match: string; readonly why: string }[];
  /** Published rows that are not kept here. */
  readonly leftOut: readonly {
    readonly what: string;
    readonly rows: number;
    readonly why: string;
  }[];
}

/** One replayed profile, as `trn validate --profile --json` prints it; `validation/replayed.json` is a list of them. */
export interface ReplayedProfile {
  readonly profile: string;
  readonly duration: Readonly<Record<string, number>>;
  readonly drift: Readonly<Record<string, number>>;
  readonly transfers: Readonly<Record<string, number>>;
  readonly total: Readonly<Record<string, number>>;
  readonly kinds: readonly Readonly<Record<string, number | string>>[];
}

export interface Accuracy {
  readonly validation: Validation;
  /** What the rows' ranges come from. */
  readonly tables: Tables;
  readonly replayed: readonly ReplayedProfile[];
  readonly notes: Notes;
  readonly sensitivity: readonly {
    readonly rows: readonly PublishedRow[];
    readonly table: readonly Sensitivity[];
  }[];
}

const json = (path: string): unknown => JSON.parse(readFileSync(path, "utf8"));

export const readNotes = (folder: string): Notes => json(join(folder, "notes.json")) as Notes;
export const readReplayed = (folder: string): readonly ReplayedProfile[] =>
  json(join(folder, "replayed.json")) as readonly ReplayedProfile[];

export const isMeasured = ({ row }: CheckedRow): boolean => row.kind !== "threshold";
