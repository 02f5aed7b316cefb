export { checkRaces } from "./check/races.ts";
export type { PrintedTensor } from "./execute/core-run.ts";
export * from "./execute/executable.ts";
export { prepareRanks, runRanks } from "./execute/ranks.ts";
export * from "./placement/index.ts";
export * from "./timeline/index.ts";
