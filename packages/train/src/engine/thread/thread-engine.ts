/**
 * An engine in a thread of its own, so that the thread of the loop can draw and hear Ctrl-C while a step is computed. Results are those of
 * the engine in the caller's thread, to the byte.
 */
import { Worker } from "node:worker_threads";
import { OpenTrnError } from "@opentrn/base";
import type { EngineName, Placement, Say } from "../engines.ts";
import type { TrainingEngineRequest } from "../interpreter-engine.ts";
import type {
  Batch,
  Prediction,
  StepEngine,
  StepResult,
  StepScalars,
  TrainingState,
} from "../step-engine.ts";
import { type Answer, type Call, errorFrom, type Opened } from "./messages.ts";

/** Built code runs in the thread also where the rest runs from source: Node 20 takes no TypeScript. */
const entry = new URL(
  import.meta.url.endsWith(".ts")
    ? "../../../dist/engine/thread/engine-worker.js"
    : "./engine-worker.js",
  import.meta.url,
);

interface Open {
  readonly answered: (value: never) => void;
  readonly failed: (e: unknown) => void;
}

export class ThreadEngine implements StepEngine {
  readonly name: EngineName;
  readonly predicted?: Prediction;
  private readonly worker: Worker;
  private readonly say: Say;
  private readonly open = new Map<number, Open>();
  private asked = 0;
  private ended: unknown;

  private constructor(name: EngineName, say: Say) {
    this.name = name;
    this.say = say;
    this.worker = new Worker(entry, { name: `engine ${name}`, execArgv: [] });
    this.worker.on("message", (a: Answer) => this.answer(a));
    this.worker.on("error", (e) => this.break(threadDied(e.message)));
    this.worker.on("exit", (code) => this.break(threadDied(`exit code ${code}`)));
  }

  /** Compiles in the thread. Throws what the engine throws. */
  static async of(
    engine: EngineName,
    request: TrainingEngineRequest,
    placement: Placement,
    say: Say = () => {},
  ): Promise<ThreadEngine> {
    const made = new ThreadEngine(engine, say);
    try {
      const { predicted } = await made.ask<Opened>({ kind: "open", engine, request, placement });
      return predicted ? Object.assign(made, { predicted }) : made;
    } catch (e) {
      await made.close();
      throw e;
    }
  }

  load(state: TrainingState): Promise<void> {
    return this.ask({ kind: "load", state });
  }
  step(batches: readonly Batch[], scalars: StepScalars): Promise<StepResult> {
    return this.ask({ kind: "step", batches, scalars });
  }
  evaluate(batch: Batch): Promise<number> {
    return this.ask({ kind: "evaluate", batch });
  }
  state(): Promise<TrainingState> {
    return this.ask({ kind: "state" });
  }

  /** Ends the thread, whatever it is doing. */
  async close(): Promise<void> {
    this.break(threadDied("it was closed"));
    await this.worker.terminate();
  }

  private ask<T>(call: Call): Promise<T> {
    if (this.ended !== undefined) return Promise.reject(this.ended);
    const id = this.asked++;
    return new Promise<T>((answered, failed) => {
      this.open.set(id, { answered, failed });
      this.worker.postMessage({ id, call });
    });
  }

  private answer(a: Answer): void {
    if ("says" in a) {
      this.say(a.says);
      return;
    }
    const open = this.open.get(a.id);
    this.open.delete(a.id);
    if ("error" in a) open?.failed(errorFrom(a.error));
    else open?.answered(a.value as never);
  }

  /** Fails what is open and what comes, so that nobody waits for an answer that will not come. */
  private break(why: unknown): void {
    if (this.ended !== undefined) return;
    this.ended = why;
    for (const o of this.open.values()) o.failed(why);
    this.open.clear();
  }
}

const threadDied = (why: string): OpenTrnError =>
  new OpenTrnError(`the engine's thread ended while it was still needed: ${why}`, {
    category: "internal",
    rule: "engine thread",
  });
