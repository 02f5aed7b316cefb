export * from "./hosts/index.ts";
export * from "./language/index.ts";
