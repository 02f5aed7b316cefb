export { geluTanhOp, siluOp } from "./activations.ts";
export { allReduce, readAllReduceConfig } from "./all-reduce.ts";
export { type AttentionOpOptions, attentionOp } from "./attention.ts";
export { type AttentionBackwardInputs, attentionBackwardOp } from "./attention-backward.ts";
export { cachedAttention, readCachedAttentionConfig } from "./attention-cached.ts";
export {
  type AttentionConfig,
  type AttentionSizes,
  attentionSizes,
  readAttentionConfig,
} from "./attention-shape.ts";
export type { Composite } from "./define.ts";
export {
  type CompositeName,
  compositeCalls,
  compositeName,
  composites,
  decompose,
  decompositionOf,
} from "./table.ts";
