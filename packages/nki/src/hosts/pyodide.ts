/** Runs a kernel's Python inside Pyodide, offline, for machines without python3. Same package, same records, same errors. */
import { realpathSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { OpenTrnError } from "@opentrn/base";
import { kernelException } from "./kernel-exception.ts";
import type { KernelJob, TracedKernel } from "./kernel-job.ts";
import { PyodideThread, type ThreadJob } from "./pyodide-thread.ts";
import { jobMessage } from "./python-job.ts";
import { TraceReceiver } from "./receiver.ts";
import { stopped } from "./stopped.ts";

type FromWorker =
  | { readonly records: Int32Array }
  | { readonly message: string }
  | { readonly print: string; readonly stream: "stdout" | "stderr" }
  | { readonly done: true };

/** Traces a kernel with Pyodide; throws what `traceCPython` throws. */
export async function tracePyodide(job: KernelJob): Promise<TracedKernel> {
  const started = performance.now();
  job.signal?.throwIfAborted();
  const thread = await PyodideThread.take();
  const { port1: port, port2 } = new MessageChannel();
  const flag = new Int32Array(new SharedArrayBuffer(4));
  const kernel: ThreadJob = {
    // Its interpreter has no standard input.
    job: jobMessage({ ...job, stdin: false }),
    environment: environmentOf(process.env),
    folder: process.cwd(),
    folders: foldersOf(job.file),
    port: port2,
    flag,
  };
  let ended = false;
  try {
    const receiver = await converse(thread, kernel, port, job, () => {
      ended = true;
    });
    return {
      program: receiver.program!,
      outputs: receiver.outputs,
      lints: receiver.lints,
      host: "pyodide",
      traceMs: performance.now() - started,
    };
  } finally {
    port.close();
    if (ended) await thread.release();
    else await thread.end();
  }
}

function converse(
  thread: PyodideThread,
  kernel: ThreadJob,
  port: MessagePort,
  job: KernelJob,
  onEnd: () => void,
): Promise<TraceReceiver> {
  const { flag } = kernel;
  const receiver = new TraceReceiver(job);
  let exception: OpenTrnError | undefined;
  const answer = (value: unknown): void => {
    port.postMessage(JSON.stringify(value));
    Atomics.add(flag, 0, 1);
    Atomics.notify(flag, 0);
  };
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      onEnd();
      job.signal?.removeEventListener("abort", abort);
      const failure = receiver.failure ?? exception;
      if (failure) reject(failure);
      else if (receiver.program) resolve(receiver);
      else reject(broken(new Error("it returned without a Program")));
    };
    const abort = (): void => reject(stopped(job.signal!));
    job.signal?.addEventListener("abort", abort, { once: true });
    // It may have fired while the thread was being started.
    if (job.signal?.aborted) abort();
    const refuse = (): void => answer(receiver.report());
    port.on("message", (m: FromWorker) => {
      if ("records" in m) {
        if (receiver.failure) return;
        receiver.records(m.records);
        if (receiver.failure) refuse();
      } else if ("print" in m) print(job, m.print, m.stream);
      else if ("done" in m) settle();
      else {
        const message = JSON.parse(m.message) as Readonly<Record<string, unknown>>;
        if (message["type"] === "exception") exception ??= kernelException(message);
        else if (message["type"] === "lints") receiver.linted(message);
        else if (message["type"] === "value") {
          if (!receiver.failure) answer(receiver.value(message));
        } else if (!receiver.failure) {
          if (message["type"] === "begin") receiver.begin(message);
          else receiver.end(message);
          if (receiver.failure) refuse();
          else if (message["type"] === "end") answer({ type: "ok" });
        }
      }
    });
    thread.run(kernel, (e) => reject(broken(e)));
  });
}

const print = (job: KernelJob, text: string, stream: "stdout" | "stderr"): void => {
  if (job.onPrint) job.onPrint(text, stream);
  else process[stream].write(text);
};

const broken = (e: Error): OpenTrnError =>
  new OpenTrnError(`the embedded Python failed: ${e.stack ?? e.message}`, {
    category: "internal",
    rule: "pyodide",
  });

/** The working folder and the kernel's; the root itself cannot be shown. */
function foldersOf(file: string): readonly string[] {
  const wanted = [process.cwd(), dirname(resolve(file))];
  return [...new Set(wanted)].filter((f) => f !== "/" && exists(f));
}

function exists(folder: string): boolean {
  try {
    realpathSync(folder);
    return true;
  } catch {
    return false;
  }
}

/** What kernels read of the environment. */
const environmentOf = (env: NodeJS.ProcessEnv): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(env).filter(
      (e): e is [string, string] => e[1] !== undefined && /^(NKI|NEURON|OPENTRN)_/.test(e[0]),
    ),
  );
