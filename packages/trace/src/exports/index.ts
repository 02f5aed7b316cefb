/** Forms of a trace that other people's tools open. */
import { perfettoChunks } from "../perfetto.ts";
import type { TraceModel } from "../schema.ts";
import { csvChunks } from "./csv.ts";
import { parquetChunks } from "./parquet.ts";
import { profilerJsonChunks } from "./profiler-json.ts";
import { speedscopeChunks } from "./speedscope.ts";
import { tableOf, tables } from "./tables.ts";

export interface TraceFile {
  readonly path: string;
  readonly chunks: Iterable<Uint8Array>;
}

export interface TraceForm {
  /** What a file's name ends in. */
  readonly suffix: string;
  readonly opens: string;
  readonly files: (path: string, model: TraceModel) => readonly TraceFile[];
}

const single =
  (chunks: (model: TraceModel, path: string) => Iterable<Uint8Array>): TraceForm["files"] =>
  (path, model) => [{ path, chunks: chunks(model, path) }];

/** The first whose suffix fits; the last one takes any name. */
const forms: readonly TraceForm[] = [
  {
    suffix: "/",
    opens: "tables as Neuron Explorer names them",
    files: (folder, model) =>
      tables.map((t) => ({
        path: `${folder}${t.name}.parquet`,
        chunks: parquetChunks(t, model),
      })),
  },
  {
    suffix: ".speedscope.json",
    opens: "opens in speedscope.app",
    files: single(speedscopeChunks),
  },
  {
    suffix: ".json",
    opens: "in the form of a neuron-profile dump",
    files: single(profilerJsonChunks),
  },
  {
    suffix: ".csv",
    opens: "a table as Neuron Explorer names it",
    files: single((model, path) => csvChunks(tableOf(path), model)),
  },
  {
    suffix: ".parquet",
    opens: "a table as Neuron Explorer names it",
    files: single((model, path) => parquetChunks(tableOf(path), model)),
  },
  { suffix: "", opens: "opens in ui.perfetto.dev", files: single(perfettoChunks) },
];

/** The form that a file's name asks for. */
export const traceFormOf = (path: string): TraceForm => forms.find((f) => path.endsWith(f.suffix))!;
