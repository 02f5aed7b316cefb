export { type Busy, bottleneckOf } from "./bottleneck.ts";
export type { CostUse } from "./costs-used.ts";
export {
  type CriticalPath,
  type PathKind,
  pathKinds,
} from "./critical-path.ts";
export { type EdgeKind, edgeKinds, type Graph, NO_QUEUE } from "./graph.ts";
export { listing } from "./listing.ts";
export type { Schedule } from "./schedule.ts";
export type { TripOptions } from "./stream.ts";
export {
  stallReason,
  type Timeline,
  type TimelineOptions,
  timeline,
  type UnitTime,
} from "./timeline.ts";
export { traceOf } from "./trace-model.ts";
export { type DescriptorPath, type QueueKind, queues, type Unit, units } from "./units.ts";
