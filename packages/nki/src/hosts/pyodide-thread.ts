/** The thread that Pyodide lives in. Starting takes half a second, so an idle one is kept for the next kernel and never holds the process. */
import { type MessagePort, Worker } from "node:worker_threads";
import { pythonPackagePath } from "./package-path.ts";
import { pyodideModule, pyodideSnapshot } from "./pyodide-snapshot.ts";

/** What a thread is given for one kernel. */
export interface ThreadJob {
  readonly job: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, string>>;
  /** Where Python works. */
  readonly folder: string;
  /** Folders that Python sees at their own paths. */
  readonly folders: readonly string[];
  readonly port: MessagePort;
  readonly flag: Int32Array;
}

export class PyodideThread {
  private static idle: PyodideThread | undefined;
  private readonly worker: Worker;
  private onFailure: (e: Error) => void = () => undefined;

  private constructor(worker: Worker) {
    this.worker = worker;
    worker.on("error", (e) => this.fail(e));
    worker.on("exit", (code) => this.fail(new Error(`it ended with code ${code}`)));
  }

  /** An idle thread, or a new one. */
  static async take(): Promise<PyodideThread> {
    const idle = PyodideThread.idle;
    PyodideThread.idle = undefined;
    if (idle) {
      idle.worker.ref();
      return idle;
    }
    return new PyodideThread(
      new Worker(new URL("./pyodide-worker.mjs", import.meta.url), {
        workerData: {
          task: "trace",
          pyodide: pyodideModule(),
          packagePath: pythonPackagePath(),
          snapshot: await pyodideSnapshot(),
        },
        env: {},
      }),
    );
  }

  private fail(e: Error): void {
    if (PyodideThread.idle === this) PyodideThread.idle = undefined;
    this.onFailure(e);
  }

  /** Starts a kernel; `onFailure` hears of a thread that broke. */
  run(job: ThreadJob, onFailure: (e: Error) => void): void {
    this.onFailure = onFailure;
    this.worker.postMessage(job, [job.port]);
  }

  /** The kernel is done: keeps the thread for the next one. */
  async release(): Promise<void> {
    this.onFailure = () => undefined;
    if (PyodideThread.idle) await this.end();
    else {
      PyodideThread.idle = this;
      this.worker.unref();
    }
  }

  /** Ends the thread, whatever it does. */
  async end(): Promise<void> {
    this.onFailure = () => undefined;
    await this.worker.terminate();
  }
}
