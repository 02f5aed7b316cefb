/**
 * Worker threads that each run some cores. A question goes to one core's thread and is answered once; when a thread dies or the pool is
 * closed, every open question fails, so that nobody waits for an answer that will not come.
 */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { invariant, OpenTrnError } from "@opentrn/base";
import {
  errorFrom,
  type FromWorker,
  type PartyNumber,
  type ToWorker,
  type WorkerStart,
} from "./messages.ts";

/** Built code runs in threads also where the rest runs from source: Node 20 takes no TypeScript. */
const entry = new URL(
  import.meta.url.endsWith(".ts") ? "../../dist/parallel/rank-worker.js" : "./rank-worker.js",
  import.meta.url,
);

/** Threads that can run at the same time on this host. */
export const hostThreads = (): number => availableParallelism();

interface Question {
  readonly answered: (m: FromWorker) => void;
  readonly failed: (e: unknown) => void;
}

export class ThreadPool {
  private readonly workers: readonly Worker[];
  private readonly questions = new Map<PartyNumber, Question>();
  private broken: unknown;

  constructor(threads: number, start: WorkerStart) {
    this.workers = Array.from({ length: threads }, (_, n) => {
      const worker = new Worker(entry, { workerData: start, name: `ranks ${n}`, execArgv: [] });
      worker.on("message", (m: FromWorker) => this.answer(m));
      worker.on("error", (e) => this.break(threadDied(n, e)));
      worker.on("exit", (code) => this.break(threadDied(n, `exit code ${code}`)));
      // An idle pool keeps no process alive; an open question does.
      worker.unref();
      return worker;
    });
  }

  get threads(): number {
    return this.workers.length;
  }

  private workerOf(party: PartyNumber): Worker {
    return this.workers[party % this.workers.length]!;
  }

  /** Tells a core's thread something that it does not answer. */
  tell(m: ToWorker): void {
    if (this.broken !== undefined) throw this.broken;
    this.workerOf(m.party).postMessage(m);
  }

  /** Asks a core's thread; throws what the thread throws, or why it is there no more. */
  ask(m: ToWorker): Promise<FromWorker> {
    if (this.broken !== undefined) return Promise.reject(this.broken);
    invariant(!this.questions.has(m.party), `core ${m.party} has not answered yet`);
    for (const w of this.workers) w.ref();
    return new Promise((answered, failed) => {
      this.questions.set(m.party, { answered, failed });
      this.workerOf(m.party).postMessage(m);
    });
  }

  private answer(m: FromWorker): void {
    const question = this.questions.get(m.party);
    this.settle(m.party);
    if (m.kind === "failed") question?.failed(errorFrom(m.error));
    else question?.answered(m);
  }

  private settle(party: PartyNumber): void {
    this.questions.delete(party);
    if (this.questions.size === 0) for (const w of this.workers) w.unref();
  }

  /** Fails all open and later questions with `why` and ends the threads. */
  break(why: unknown): void {
    if (this.broken !== undefined) return;
    this.broken = why;
    const open = [...this.questions.values()];
    this.questions.clear();
    for (const w of this.workers) void w.terminate();
    for (const q of open) q.failed(why);
  }

  /** Ends the threads; resolves when they are gone. */
  async close(): Promise<void> {
    this.break(closed());
    await Promise.all(this.workers.map((w) => w.terminate()));
  }
}

const closed = (): OpenTrnError =>
  new OpenTrnError("the ranks were closed; start new ones to execute again", {
    category: "limit reached",
    rule: "ranks closed",
  });

const threadDied = (n: number, why: unknown): OpenTrnError =>
  new OpenTrnError(
    `worker thread ${n} ended while its ranks were still needed: ${why instanceof Error ? why.message : why}; run with fewer ranks, or in one thread (threads: 1)`,
    { category: "internal", rule: "worker thread" },
  );
