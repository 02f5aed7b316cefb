/** A timeline as the files of a trace, each in pieces; the name says in which form. */
import { type Timeline, traceOf } from "@opentrn/device";
import { type TraceFile, traceFormOf } from "@opentrn/trace";

export interface TraceFiles {
  readonly files: readonly TraceFile[];
  /** What they are for, in a few words. */
  readonly opens: string;
}

/**
 * `.json`, `.csv`, `.parquet` and `.speedscope.json` have forms of their own, a name that ends in `/` is a folder of tables; every other
 * name gets Perfetto's.
 */
export function traceFiles(path: string, t: Timeline): TraceFiles {
  const { files, opens } = traceFormOf(path);
  return { files: files(path, traceOf(t)), opens };
}
