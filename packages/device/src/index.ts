export { checkRaces } from "./check/races.ts";
export { type ElementWrite, elementHistory } from "./debug/element-history.ts";
export { type WatchedWrite, type WatchLog, watch } from "./debug/watch.ts";
export { storagesWrittenBy } from "./debug/writes.ts";
export { carriedOut } from "./execute/carried-out.ts";
export type { PrintedTensor } from "./execute/core-run.ts";
export * from "./execute/executable.ts";
export type { Observed, Observer } from "./execute/observer.ts";
export { executeRanks, prepareRanks, runRanks } from "./execute/ranks.ts";
export type { Carry, TensorRef } from "./execute/resident-tensors.ts";
export { CollectivePlans, type RankOptions } from "./fabric/collective-plan.ts";
export {
  type Algorithm,
  type CollectiveOp,
  type CollectiveTime,
  collectiveOps,
  collectiveTime,
} from "./fabric/collective-time.ts";
export { type Fabric, fabricOf, ranksPerChip, type Span, spanOf } from "./fabric/places.ts";
export * from "./parallel/index.ts";
export * from "./placement/index.ts";
export * from "./replay/index.ts";
export * from "./scheduling/index.ts";
export { totalsByDutyPhase, totalsIfNarrowRowsCountOtherwise } from "./timeline/duty-phases.ts";
export * from "./timeline/index.ts";
export {
  type ModelChanges,
  type ModelConstant,
  modelConstants,
} from "./timeline/model-constants.ts";
export { timelineOfRanks } from "./timeline/timeline-of-ranks.ts";
