/** Cost of the systolic array: moving columns stream at one a cycle and pass; loading the stationary tile hides behind the stream. */
import type { AnyCall, EngineCost } from "../define.ts";

/** Passes of an fp32 (4, or 2 with a hint or as a transpose) or narrower (1) operation. */
export function tensorPasses(call: AnyCall): number {
  const t = call.chip.tensor;
  const dtype = (call.tile["moving"] ?? call.tile["data"])?.dtype;
  if (dtype !== "float32") return 1;
  if (call.attr["is_transpose"] === true || call.tile["data"] !== undefined)
    return t.fp32TransposePasses.value;
  const onezero =
    call.attr["is_stationary_onezero"] === true || call.attr["is_moving_onezero"] === true;
  return onezero ? t.fp32Passes.value / 2 : t.fp32Passes.value;
}

export function matmulCost(call: AnyCall, columns: number): EngineCost {
  const t = call.chip.tensor;
  const passes = tensorPasses(call);
  const stream = passes * Math.max(t.minimumCycles.value, columns);
  // fp32 runs as instructions of two passes, each with its own gap (measured: 428 to 431 ns for 512 columns).
  return {
    interval: stream + Math.ceil(passes / 2) * t.fixedCycles.value,
    latency: stream + t.latencyCycles.value,
  };
}
