export * from "./activations.ts";
export * from "./attention.ts";
export * from "./loss.ts";
export * from "./norms.ts";
