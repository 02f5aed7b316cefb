/** What an engine's sequencer takes for the instructions that only it runs: waits, drains, branches, register loads. */
import type { Fact } from "./fact.ts";

export const sequencerUnits = ["tensor", "vector", "scalar", "gpsimd", "sync"] as const;
export type SequencerUnit = (typeof sequencerUnits)[number];
export type ByUnit = Readonly<Record<SequencerUnit, number>>;

export interface SequencerFacts {
  /** Nanoseconds between one such instruction's end and the next one's start. */
  readonly gapNs: Fact<ByUnit>;
  /** Nanoseconds of an instruction that waits for nothing, by the profiler's opcode. */
  readonly instructionNs: Fact<Readonly<Record<string, ByUnit>>>;
  /** Nanoseconds from such an instruction to the next where that is not the usual gap. */
  readonly afterNs: Fact<Readonly<Record<string, ByUnit>>>;
  /** Nanoseconds from a semaphore's change to the end of an instruction that polls it. */
  readonly pollNs: Fact;
  /** Nanoseconds from a core's write to a semaphore of its neighbour to the change. */
  readonly remoteNs: Fact;
  /** Nanoseconds from an engine's last result to the end of a DRAIN that waited for it. */
  readonly drainNs: Fact;
}
