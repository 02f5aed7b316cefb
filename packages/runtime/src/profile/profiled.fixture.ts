/** Kernels profiled in tests, and how well advice foresees what the change it asks for really gains. */
import { chipNamed } from "@opentrn/chips";
import { place, type Timeline, timeline } from "@opentrn/device";
import type { Kernel, TensorSpec } from "@opentrn/nki";
import type { AdviceKind } from "./advice/idea.ts";
import { profileOf } from "./profile.ts";
import type { AdviceReport } from "./profile-report.ts";

const chip = chipNamed("trn2");

export type Inputs = Readonly<Record<string, TensorSpec>>;

export const f32 = (...shape: number[]): TensorSpec => ({ shape, dtype: "float32" });
export const bf16 = (...shape: number[]): TensorSpec => ({ shape, dtype: "bfloat16" });

/** The timeline of a kernel on trn2. */
export function timed(kernel: Kernel, inputs: Inputs, lnc = 1): Timeline {
  const program = kernel.build({ chip, inputs, lnc });
  return timeline(program, place(program));
}

/** The best advice of a kind, of all or of those that `of` takes. */
export function adviceOf(
  t: Timeline,
  kind: AdviceKind,
  of: (a: AdviceReport) => boolean = () => true,
): AdviceReport | undefined {
  return profileOf(t).advice.find((a) => a.kind === kind && of(a));
}

/** What following an advice gained, and how far off the advice was, as a share of the larger gain. */
export interface Foreseen {
  readonly gainedShare: number;
  readonly off: number;
}

/** @throws Error where there is no advice, so that a test that compares nothing fails. */
export function foreseen(
  before: Timeline,
  after: Timeline,
  advice: AdviceReport | undefined,
): Foreseen {
  if (!advice) throw new Error("the profile has no such advice");
  const gained = before.totalNs - after.totalNs;
  return {
    gainedShare: gained / before.totalNs,
    off: Math.abs(advice.gain_ns - gained) / Math.max(gained, advice.gain_ns),
  };
}
