/** A neuron-profile capture in our own terms: what every engine and DMA queue did and when, in nanoseconds from the start. */
import type { ProfiledOperands } from "./operands.ts";

/** Instruction streams of a core as the profiler names them. */
export const profiledEngines = ["Tensor", "Vector", "Scalar", "GpSimd", "Sync"] as const;
export type ProfiledEngine = (typeof profiledEngines)[number];

export interface ProfiledInstruction {
  readonly id: string;
  /** Physical core: `sg00`, `sg01`. */
  readonly core: string;
  readonly engine: ProfiledEngine;
  /** Row of the timeline; `TensorMatrix` holds the multiplications, `Tensor` the rest of that stream. */
  readonly track: string;
  /** Position in the engine's instruction memory; ascending in program order. */
  readonly pc: number;
  readonly opcode: string;
  /** REGULAR, TRANSPOSE, or empty for what the runtime added. */
  readonly kind: string;
  readonly start: number;
  readonly duration: number;
  /** Time spent waiting before the start, as the profiler counts it (unreliable for control instructions). */
  readonly wait: number;
  readonly operands: ProfiledOperands;
  /** The operand text as written. */
  readonly text: string;
  /** Name in the compiler's intermediate form; empty for what the runtime added. */
  readonly name: string;
  readonly predecessors: readonly { readonly id: string; readonly type: string }[];
}

export type DescriptorSource = "hardware_dynamic" | "software_dynamic" | "static" | "instruction";

export interface ProfiledPacket {
  readonly core: string;
  readonly queue: number;
  readonly engine: number;
  readonly source: string;
  readonly start: number;
  readonly duration: number;
  readonly bytes: number;
}

/** A stretch of time with one limit on the tensor engine: `allowed` of `of` cycles. */
export interface DutyStretch {
  readonly core: string;
  readonly start: number;
  readonly duration: number;
  readonly allowed: number;
  readonly of: number;
}

export interface ProfiledQueue {
  readonly core: string;
  readonly name: string;
  readonly id: number;
}

export interface SemaphoreValue {
  readonly core: string;
  readonly semaphore: number;
  readonly at: number;
  readonly value: number;
}

export interface ProfileMetadata {
  readonly durationNs: number;
  readonly tensorClockGHz: number;
  readonly physicalCores: number;
  readonly isSimulation: boolean;
  readonly profilerVersion: string;
  readonly compilerVersion: string;
}

export interface Profile {
  readonly metadata: ProfileMetadata;
  /** By core and engine, in program order. */
  readonly instructions: readonly ProfiledInstruction[];
  /** By start time. */
  readonly packets: readonly ProfiledPacket[];
  readonly queues: readonly ProfiledQueue[];
  readonly duty: readonly DutyStretch[];
  readonly semaphores: readonly SemaphoreValue[];
  /** The profiler's own totals, as it names them. */
  readonly summary: Readonly<Record<string, number | string>>;
  /** Rows of tables that nothing here reads, by table. */
  readonly unread: Readonly<Record<string, number>>;
}
