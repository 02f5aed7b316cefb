/** The ranks of a launch, resident in memory, as one sees them on one thread or on several; and all of them in the caller's thread. */
import { OpenTrnError } from "@opentrn/base";
import {
  type ExecuteOutcome,
  executeRanks,
  type Placement,
  type PrepareOptions,
  prepareRanks,
  type TensorRef,
} from "@opentrn/device";
import type { Program } from "@opentrn/isa";

export interface RankGroup {
  readonly ranks: number;
  /** Worker threads; 0 when all runs in the caller's. */
  readonly threads: number;
  /** Instructions of all ranks that run on the fast path. */
  readonly fastCount: number;
  /** Puts raw bytes into an input of a rank; they stay until written again. */
  write(rank: number, tensor: TensorRef, data: Uint8Array): void;
  /** A copy of the raw bytes of an output or input of a rank. */
  read(rank: number, tensor: TensorRef): Uint8Array;
  /** Makes the bytes of an output (or input) those of an input of the same type and size, within a rank's memory. */
  copy(rank: number, from: TensorRef, to: TensorRef): void;
  /** Runs all ranks once on what their memories hold; rejects with what `executeRanks` throws. One at a time. */
  execute(): Promise<readonly ExecuteOutcome[]>;
  /** Ends the threads. */
  close(): Promise<void>;
}

export interface RanksRequest {
  readonly program: Program;
  readonly placement: Placement;
  readonly ranks: number;
  readonly prepare: PrepareOptions;
  readonly signal: AbortSignal | undefined;
}

/** All ranks in the caller's thread. */
export class LocalRanks implements RankGroup {
  readonly ranks: number;
  readonly threads = 0;
  readonly fastCount: number;
  private readonly executables: ReturnType<typeof prepareRanks>;
  private readonly signal: AbortSignal | undefined;

  constructor({ program, placement, ranks, prepare, signal }: RanksRequest) {
    this.ranks = ranks;
    this.signal = signal;
    this.executables = prepareRanks(program, placement, ranks, prepare);
    this.fastCount = this.executables.reduce((n, e) => n + e.fastCount, 0);
  }

  write(rank: number, tensor: TensorRef, data: Uint8Array): void {
    rankOf(this.executables, rank).write(tensor, data);
  }

  read(rank: number, tensor: TensorRef): Uint8Array {
    return rankOf(this.executables, rank).read(tensor);
  }

  copy(rank: number, from: TensorRef, to: TensorRef): void {
    rankOf(this.executables, rank).copy(from, to);
  }

  async execute(): Promise<readonly ExecuteOutcome[]> {
    this.signal?.throwIfAborted();
    return executeRanks(this.executables);
  }

  async close(): Promise<void> {}
}

/** The rank of that number; throws `bad input` when there is none. */
export function rankOf<T>(all: readonly T[], rank: number): T {
  const found = all[rank];
  if (found !== undefined) return found;
  throw new OpenTrnError(`there is no rank ${rank}; this launch has ranks 0 to ${all.length - 1}`, {
    category: "bad input",
    rule: "ranks",
  });
}
