export { type Loop, type LoopNest, loopsOf } from "./loops.ts";
export { type Packing, packings } from "./pack.ts";
export * from "./place.ts";
export { visitStorages } from "./references.ts";
