export * from "./bind.ts";
export * from "./bind-fast.ts";
