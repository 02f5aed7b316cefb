export * from "./execute/executable.ts";
