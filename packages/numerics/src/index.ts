export * from "./convert.ts";
export * from "./dtype.ts";
