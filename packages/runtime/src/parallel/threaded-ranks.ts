/**
 * Ranks on worker threads. Every rank's memory is shared: this thread writes and reads tensors and carries out the collectives, exactly as
 * one thread would (`rounds` of `@opentrn/device`), while the workers run the instructions between them.
 */
import { OpenTrnError } from "@opentrn/base";
import {
  type ExecuteOutcome,
  programMessage,
  RemoteRank,
  type RemoteRun,
  rounds,
  type TensorRef,
} from "@opentrn/device";
import type { FromWorker } from "./messages.ts";
import { type RankGroup, type RanksRequest, rankOf } from "./rank-group.ts";
import { ThreadPool } from "./thread-pool.ts";

/** Starts the threads and binds every core in its own. */
export async function startThreadedRanks(
  request: RanksRequest & { readonly threads: number },
): Promise<RankGroup> {
  const { program, placement, prepare, ranks, threads, signal } = request;
  signal?.throwIfAborted();
  const remote = Array.from({ length: ranks }, () => new RemoteRank(program, placement, prepare));
  const { carry: _, ...options } = prepare;
  const pool = new ThreadPool(threads, { program: programMessage(program), placement, options });
  const abort = (): void => pool.break(signal!.reason);
  signal?.addEventListener("abort", abort);
  try {
    const hosted = await settle(
      remote.flatMap(({ memory }, rank) =>
        Array.from({ length: program.cores }, (_, core) =>
          pool.ask({ kind: "host", party: rank * program.cores + core, core, memory }),
        ),
      ),
    );
    const fastCount = hosted.reduce((n, m) => n + (m.kind === "hosted" ? m.fastCount : 0), 0);
    return new ThreadedRanks(remote, program.cores, pool, fastCount, () =>
      signal?.removeEventListener("abort", abort),
    );
  } catch (e) {
    signal?.removeEventListener("abort", abort);
    await pool.close();
    throw e;
  }
}

/** Waits for all answers; then throws the first failure in order, as one thread would have met it. */
async function settle(answers: readonly Promise<FromWorker>[]): Promise<FromWorker[]> {
  const settled = await Promise.allSettled(answers);
  return settled.map((s) => {
    if (s.status === "rejected") throw s.reason;
    return s.value;
  });
}

class ThreadedRanks implements RankGroup {
  readonly fastCount: number;
  private readonly remote: readonly RemoteRank[];
  private readonly cores: number;
  private readonly pool: ThreadPool;
  private readonly onClose: () => void;
  private running = false;

  constructor(
    remote: readonly RemoteRank[],
    cores: number,
    pool: ThreadPool,
    fastCount: number,
    onClose: () => void,
  ) {
    this.remote = remote;
    this.cores = cores;
    this.pool = pool;
    this.fastCount = fastCount;
    this.onClose = onClose;
  }

  get ranks(): number {
    return this.remote.length;
  }

  get threads(): number {
    return this.pool.threads;
  }

  write(rank: number, tensor: TensorRef, data: Uint8Array): void {
    this.mustRest();
    rankOf(this.remote, rank).write(tensor, data);
  }

  read(rank: number, tensor: TensorRef): Uint8Array {
    this.mustRest();
    return rankOf(this.remote, rank).read(tensor);
  }

  copy(rank: number, from: TensorRef, to: TensorRef): void {
    this.mustRest();
    rankOf(this.remote, rank).copy(from, to);
  }

  async execute(): Promise<readonly ExecuteOutcome[]> {
    this.mustRest();
    this.running = true;
    try {
      return await this.run();
    } finally {
      this.running = false;
    }
  }

  private async run(): Promise<readonly ExecuteOutcome[]> {
    const { ranks, cores, pool } = this;
    const started = this.remote.map((r, rank) => r.start(rank, ranks));
    for (let party = 0; party < ranks * cores; party++)
      pool.tell({ kind: "start", party, rank: Math.floor(party / cores), ranks });
    for (const moving of rounds(started.map((s) => s.launch)))
      await settle(
        moving.map(({ launch, core, run }) => this.advance(launch.rank * cores + core, run)),
      );
    return started.map((s) => s.finish());
  }

  private async advance(party: number, run: RemoteRun): Promise<FromWorker> {
    const answer = await this.pool.ask({ kind: "advance", party, passing: run.passing });
    if (answer.kind === "stopped") run.arrive(answer.stop);
    return answer;
  }

  private mustRest(): void {
    if (this.running)
      throw new OpenTrnError("the ranks are executing; wait for execute() before the next call", {
        category: "bad input",
        rule: "ranks executing",
      });
  }

  async close(): Promise<void> {
    this.onClose();
    await this.pool.close();
  }
}
