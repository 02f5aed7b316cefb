/** A timeline as the bytes of a trace file, in pieces; the file's name says in which form. */
import { type Timeline, traceOf } from "@opentrn/device";
import { traceFormOf } from "@opentrn/trace";

export interface TraceFile {
  readonly chunks: Iterable<Uint8Array>;
  /** What the file is for, in a few words. */
  readonly opens: string;
}

/** `.json`, `.csv`, `.parquet` and `.speedscope.json` have forms of their own; every other name gets Perfetto's. */
export function traceFile(path: string, t: Timeline): TraceFile {
  const { chunks, opens } = traceFormOf(path);
  return { chunks: chunks(traceOf(t)), opens };
}
