/** A timeline as the bytes that ui.perfetto.dev opens, in pieces. */
import { type Timeline, traceOf } from "@opentrn/device";
import { perfettoChunks } from "@opentrn/trace";

export const perfettoTrace = (t: Timeline): Iterable<Uint8Array> => perfettoChunks(traceOf(t));
