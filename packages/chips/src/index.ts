export * from "./catalogue.ts";
export * from "./chip.ts";
export * from "./fact.ts";
export * from "./sequencer.ts";
