/**
 * Numbers of the timing model that belong to no chip and no instruction. As with those, each says how well it is known; the assumed ones
 * are pinned by a test and varied on the accuracy page.
 */
import { type Fact, fact } from "@opentrn/chips";

export const modelConstants = {
  /** Cycles of a weight load that a cold window of the duty limiter does not slow down after a pause. */
  freeLoadCycles: fact(
    128,
    "measured",
    "neuron-profile dumps of a trn2.3xlarge: one pass over 128 rows; 161 ns against 104 for 256 cycles",
  ),
  /** What a cycle that uses a part of the array's rows counts at least, against the share of rows. */
  narrowRowsAtLeast: fact(
    0.74,
    "derived",
    "of half, which the Neuron Explorer documentation gives as the limiter's threshold, and three eighths, which was measured",
  ),
  /** The same at most. */
  narrowRowsAtMost: fact(
    1.03,
    "derived",
    "the threshold lies between 0.365 and 0.3754 of a window in the neuron-profile dumps; kernels that sit on it were seen on both sides",
  ),
  /** Nanoseconds in which users of one memory share its bandwidth evenly. */
  hbmSlotNs: fact(
    500,
    "assumed",
    "short against a transfer, long against a packet; how memory controllers arbitrate is not published",
  ),
  /** Instructions past the oldest one not yet placed that the list scheduler considers. */
  schedulerWindow: fact(
    32,
    "assumed",
    "how far the compiler looks ahead when it reorders is not published",
  ),
  /** Ready instructions of a unit that it weighs at each step. */
  schedulerCandidates: fact(
    12,
    "assumed",
    "a limit of ours, so that the cost of scheduling grows with the number of instructions",
  ),
  /** Share of SBUF and PSUM that instructions ahead of their turn may fill. */
  schedulerShare: fact(
    0.75,
    "assumed",
    "how the compiler trades memory for reordering is not published",
  ),
} as const satisfies Readonly<Record<string, Fact>>;

export type ModelConstant = keyof typeof modelConstants;
/** Other values than the model's own, for what-ifs. */
export type ModelChanges = Readonly<Partial<Record<ModelConstant, number>>>;

export const modelValue = (name: ModelConstant, changes?: ModelChanges): number =>
  changes?.[name] ?? modelConstants[name].value;
