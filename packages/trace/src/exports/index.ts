/** Forms of a trace that other people's tools open. */
import { perfettoChunks } from "../perfetto.ts";
import type { TraceModel } from "../schema.ts";
import { csvChunks } from "./csv.ts";
import { parquetChunks } from "./parquet.ts";
import { profilerJsonChunks } from "./profiler-json.ts";
import { speedscopeChunks } from "./speedscope.ts";

export interface TraceForm {
  /** What a file's name ends in. */
  readonly suffix: string;
  readonly opens: string;
  readonly chunks: (model: TraceModel) => Iterable<Uint8Array>;
}

/** The first whose suffix fits; the last one takes any name. */
const forms: readonly TraceForm[] = [
  { suffix: ".speedscope.json", opens: "opens in speedscope.app", chunks: speedscopeChunks },
  { suffix: ".json", opens: "in the form of a neuron-profile dump", chunks: profilerJsonChunks },
  { suffix: ".csv", opens: "one line an instruction", chunks: csvChunks },
  { suffix: ".parquet", opens: "the profiler's instruction table", chunks: parquetChunks },
  { suffix: "", opens: "opens in ui.perfetto.dev", chunks: perfettoChunks },
];

/** The form that a file's name asks for. */
export const traceFormOf = (path: string): TraceForm => forms.find((f) => path.endsWith(f.suffix))!;
