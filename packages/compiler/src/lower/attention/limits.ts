/** What the attention templates do not take. */
import { type Operation, readCachedAttentionConfig } from "@opentrn/ir";
import type { DType } from "@opentrn/numerics";

const types: readonly DType[] = ["bfloat16", "float16", "float32"];
const MOST_FEATURES = 256;
/** Hidden scores are -1e30 times this: far enough below all others, and a number. */
const scales = [1e-12, 1e6] as const;

/** Why a call of `target` is not lowered, or undefined. */
export function refusal(target: string, call: Operation): string | undefined {
  const { shape, dtype } = call.operands[0]!.type;
  const d = shape[3]!;
  if (!types.includes(dtype)) return `${target} of ${dtype}; it takes ${types.join(", ")}`;
  if (d > MOST_FEATURES)
    return `${target} of ${d} features a head; it takes at most ${MOST_FEATURES}`;
  const { scale } = readCachedAttentionConfig(String(call.attrs["backend_config"]));
  if (scale < scales[0] || scale > scales[1])
    return `${target} with scale ${scale}; it takes ${scales[0]} to ${scales[1]}`;
  return undefined;
}
