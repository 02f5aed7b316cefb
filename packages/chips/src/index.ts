export * from "./catalogue.ts";
export * from "./chip.ts";
export * from "./collectives.ts";
export * from "./fact.ts";
export * from "./from-json.ts";
export * from "./instances/catalogue.ts";
export * from "./instances/instance.ts";
export * from "./sequencer.ts";
