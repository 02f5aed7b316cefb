export { type Busy, bottleneckOf } from "./bottleneck.ts";
export { type ClassPlan, type PlanChange, recosted } from "./class-plan.ts";
export type { CostUse } from "./costs-used.ts";
export {
  type CriticalPath,
  type PathKind,
  type PathVisitor,
  pathKinds,
  visitCriticalPath,
} from "./critical-path.ts";
export { type AddWait, sourceOf, type WaitRules, type WaitSite } from "./dependencies.ts";
export { type DmaShape, dmaShape } from "./dma-shape.ts";
export { type EdgeKind, edge, edgeKinds, type Graph, Growing, NO_QUEUE } from "./graph.ts";
export { listing } from "./listing.ts";
export { NO_CAUSE, type Schedule } from "./schedule.ts";
export type { TripOptions } from "./stream.ts";
export {
  stallReason,
  type Timeline,
  type TimelineOptions,
  timeline,
  type UnitTime,
} from "./timeline.ts";
export { traceOf } from "./trace-model.ts";
export {
  type DescriptorPath,
  type QueueKind,
  queueOf,
  queues,
  type Unit,
  unitId,
  units,
} from "./units.ts";
export { type Recast, type Retimed, retime, type WhatIf } from "./what-if.ts";
