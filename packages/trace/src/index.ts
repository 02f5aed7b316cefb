export { perfettoChunks } from "./perfetto.ts";
export * from "./profile/index.ts";
export * from "./schema.ts";
