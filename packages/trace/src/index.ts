export { type TraceFile, type TraceForm, traceFormOf } from "./exports/index.ts";
export { perfettoChunks } from "./perfetto.ts";
export * from "./profile/index.ts";
export * from "./schema.ts";
