/** Tiles that every step of attention uses: the identity, the causal mask and the scale. */
import { records } from "@opentrn/isa";
import type { Emitter } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import { P } from "./plan.ts";

/** Added to scores that a query does not see: far below any score, and exp of it is 0, yet finite, so that no NaN can come of it. */
const unseen = -1e30;

export interface Mask {
  /** bf16 [128, 128]. */
  readonly identity: View;
  /** bf16 [128, 128]: 0 where key j of the last 128 that a tile sees is seen by its query p, j <= p; `unseen` elsewhere. */
  readonly below: View;
}

/**
 * What TensorE adds to the diagonal chunk of causal scores: identity.T @ below lands in PSUM beside the scores, so that no engine has to
 * visit them for the mask alone.
 */
export function makeMask(emit: Emitter): Mask {
  const identity = emit.sbuf("bfloat16", [P, P], "identity");
  const below = emit.sbuf("bfloat16", [P, P], "mask");
  const blank = emit.sbuf("bfloat16", [P, P], "ones");
  emit.emit(records.memset, { dst: blank, value: 1 }, { engine: "vector" });
  const select = { pattern: [1, P], channel_multiplier: -1 };
  emit.emit(
    records.affineSelect,
    { dst: identity, on_true_tile: blank, on_false_value: 0 },
    { ...select, cmp_op: "equal" },
  );
  const zero = emit.sbuf("bfloat16", [P, P], "zeros");
  emit.emit(records.memset, { dst: zero, value: 0 }, { engine: "vector" });
  // j - p <= 0
  emit.emit(
    records.affineSelect,
    { dst: below, on_true_tile: zero, on_false_value: unseen },
    { ...select, cmp_op: "less_equal" },
  );
  return { identity, below };
}

/** fp32 [128, width] of one number. */
export function filled(emit: Emitter, value: number, width: number, name: string): View {
  const t = emit.sbuf("float32", [P, width], name);
  emit.emit(records.memset, { dst: t, value }, { engine: "vector" });
  return t;
}

/** The run-time number `start`, int32 [1] in HBM, as fp32 in every partition: [128, 1]. Exact below 2^24. */
export function everywhere(emit: Emitter, start: View): View {
  const whole = emit.sbuf("int32", [P, 1], "start");
  const made = emit.sbuf("float32", [P, 1], "start_fp32");
  emit.emit(records.dmaCopy, { dst: whole, src: start.reshape([1, 1]).repeat(0, P) });
  emit.emit(records.tensorCopy, { dst: made, src: whole }, { engine: "vector" });
  return made;
}

/** fp32 [128, tiles]: the last key that query p of tile t sees, start + p + 128 t. */
export function lastSeen(emit: Emitter, start: View, tiles: number): View {
  const made = emit.sbuf("float32", [P, tiles], "last_seen");
  emit.emit(records.iota, { dst: made }, { pattern: [P, tiles], channel_multiplier: 1 });
  emit.emit(
    records.tensorScalar,
    { dst: made, data: made, operand0: everywhere(emit, start) },
    { op0: "add", engine: "vector" },
  );
  return made;
}
