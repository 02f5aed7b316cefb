export * from "./catalogue.ts";
export * from "./chip.ts";
export * from "./fact.ts";
