/**
 * A timeline as plain data, for every exporter and viewer: processes (cores), tracks (engines, DMA queues), slices in time and
 * counters. Long lists are iterables, so that a million slices are never in memory at once. Times are nanoseconds from the
 * kernel's start. A reader refuses versions it does not know; fields are only ever added within a version.
 */

export const TRACE_VERSION = 1;

export interface TraceModel {
  readonly version: typeof TRACE_VERSION;
  /** Kernel. */
  readonly name: string;
  /** Chip. */
  readonly target: string;
  readonly totalNs: number;
  /** Figures of the chip under the names that profiles give them. */
  readonly facts?: Readonly<Record<string, number>>;
  readonly processes: readonly TraceProcess[];
  readonly tracks: readonly TraceTrack[];
  /** By track, in order of time within a track and without overlap. */
  readonly slices: Iterable<TraceSlice>;
  /** By track, in order of time within a track. */
  readonly counters: Iterable<TraceCounter>;
}

export interface TraceProcess {
  readonly id: number;
  readonly name: string;
}

export interface TraceTrack {
  readonly id: number;
  readonly process: number;
  readonly name: string;
  readonly kind: "engine" | "queue" | "bytes" | "count";
}

export interface TraceSlice {
  readonly track: number;
  readonly name: string;
  readonly startNs: number;
  readonly endNs: number;
  /** Shown beside the slice: source, operands, why it waited. */
  readonly args: Readonly<Record<string, string | number>>;
  /** Identifies the arrow that leaves or enters this slice, if one does. */
  readonly flows?: readonly number[] | undefined;
}

export interface TraceCounter {
  readonly track: number;
  readonly ns: number;
  readonly value: number;
}
