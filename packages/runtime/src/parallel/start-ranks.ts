/**
 * Starts the ranks of a data-parallel launch (or the two cores of an LNC 2 Program) on worker threads where the host has them: results are
 * those of one thread, to the byte.
 */
import type { Placement, PrepareOptions } from "@opentrn/device";
import type { Program } from "@opentrn/isa";
import { LocalRanks, type RankGroup } from "./rank-group.ts";
import { hostThreads } from "./thread-pool.ts";
import { startThreadedRanks } from "./threaded-ranks.ts";

export interface RankGroupOptions extends PrepareOptions {
  /** Default 1. */
  readonly ranks?: number;
  /** Most threads to run on; 1 is the caller's own. Default: as many as the host has and the launch has cores. */
  readonly threads?: number;
  /** Ends the threads and rejects what waits for them. */
  readonly signal?: AbortSignal;
}

/** Prepares all ranks. Throws what `prepareRanks` throws, and `internal` with rule `worker thread` when a thread dies. */
export function startRanks(
  program: Program,
  placement: Placement,
  options: RankGroupOptions = {},
): Promise<RankGroup> {
  const { ranks = 1, threads = hostThreads(), signal, ...prepare } = options;
  const wanted = Math.min(threads, ranks * program.cores);
  const request = { program, placement, ranks, prepare, signal };
  return wanted > 1 && typeof SharedArrayBuffer !== "undefined"
    ? startThreadedRanks({ ...request, threads: wanted })
    : Promise.resolve().then(() => new LocalRanks(request));
}
