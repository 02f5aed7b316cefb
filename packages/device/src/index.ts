export * from "./execute/executable.ts";
export * from "./placement/index.ts";
