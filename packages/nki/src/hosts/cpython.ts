/** Runs a kernel's Python in a child `python3` and builds its Program from the records that arrive on a pipe while it runs. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import type { Duplex } from "node:stream";
import { OpenTrnError } from "@opentrn/base";
import { FrameReader, messageFrame } from "./frames.ts";
import { kernelException } from "./kernel-exception.ts";
import type { KernelJob, TracedKernel } from "./kernel-job.ts";
import { pythonPackagePath } from "./package-path.ts";
import { jobMessage } from "./python-job.ts";
import { TraceReceiver } from "./receiver.ts";
import { stopped } from "./stopped.ts";

/** The descriptor that carries frames both ways. */
const FD = 3;
/** A refused kernel may still print and clean up this long before it is ended. */
const GRACE_MS = 2000;

const found = new Map<string, boolean>();

/** Whether `python` (default: `OPENTRN_PYTHON_BIN`, then `python3`) starts and is at least 3.9. */
export function pythonAvailable(python: string = pythonCommand()): boolean {
  const known = found.get(python);
  if (known !== undefined) return known;
  const probe = spawnSync(python, ["-c", "import sys; sys.exit(sys.version_info < (3, 9))"], {
    stdio: "ignore",
  });
  found.set(python, probe.status === 0);
  return probe.status === 0;
}

export const pythonCommand = (): string => process.env["OPENTRN_PYTHON_BIN"] ?? "python3";

/** The environment in which Python finds the package: `base` with our folder first on PYTHONPATH. */
export const pythonEnvironment = (base: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv => ({
  ...base,
  PYTHONPATH: [pythonPackagePath(), base["PYTHONPATH"]].filter(Boolean).join(":"),
});

/**
 * Traces a kernel with CPython. Throws the broken rule or the kernel's own exception (`KernelException`) at the user's line,
 * `bad input` when there is no Python, `limit reached` when `signal` ends it.
 */
export async function traceCPython(
  job: KernelJob & { readonly python?: string | undefined },
): Promise<TracedKernel> {
  const started = performance.now();
  const python = job.python ?? pythonCommand();
  job.signal?.throwIfAborted();
  const child = spawn(python, ["-u", "-m", "nki._host", String(FD)], {
    stdio: [
      job.stdin ? "inherit" : "ignore",
      job.onPrint ? "pipe" : "inherit",
      job.onPrint ? "pipe" : "inherit",
      "pipe",
    ],
    env: { ...pythonEnvironment(), PYTHONHASHSEED: "0" },
  });
  for (const stream of ["stdout", "stderr"] as const)
    child[stream]?.setEncoding("utf8").on("data", (text: string) => job.onPrint?.(text, stream));
  const receiver = await converse(child, job, python);
  return {
    program: receiver.program!,
    outputs: receiver.outputs,
    lints: receiver.lints,
    host: "cpython",
    traceMs: performance.now() - started,
  };
}

function converse(child: ChildProcess, job: KernelJob, python: string): Promise<TraceReceiver> {
  const pipe = child.stdio[FD] as Duplex;
  const receiver = new TraceReceiver(job);
  let exception: OpenTrnError | undefined;
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      exception = stopped(job.signal!);
      child.kill("SIGKILL");
    };
    job.signal?.addEventListener("abort", abort, { once: true });
    const refuse = (): void => {
      pipe.write(messageFrame(receiver.report()));
      setTimeout(() => child.kill("SIGKILL"), GRACE_MS).unref();
    };
    const frames = new FrameReader({
      records: (words) => {
        if (receiver.failure) return;
        receiver.records(words);
        if (receiver.failure) refuse();
      },
      message: (m) => {
        if (m["type"] === "begin") receiver.begin(m);
        else if (m["type"] === "lints") receiver.linted(m);
        else if (m["type"] === "value") {
          // After a refusal Python has the refusal to read.
          if (!receiver.failure) pipe.write(messageFrame(receiver.value(m)));
        } else if (m["type"] === "end") {
          const early = receiver.failure !== undefined;
          receiver.end(m);
          if (early) return;
          if (receiver.failure) refuse();
          else pipe.write(messageFrame({ type: "ok" }));
          return;
        } else if (m["type"] === "exception") exception ??= kernelException(m);
        if (m["type"] === "begin" && receiver.failure) refuse();
      },
      bytes: () => undefined,
    });
    pipe.on("data", (piece: Uint8Array) => frames.push(piece));
    // A child that was killed resets the pipe; its exit says why.
    pipe.on("error", () => undefined);
    child.on("error", (e) => reject(notStarted(python, e)));
    child.on("close", (code, signal) => {
      job.signal?.removeEventListener("abort", abort);
      const failure = receiver.failure ?? exception;
      if (failure) reject(failure);
      else if (receiver.program) resolve(receiver);
      else reject(died(python, code, signal));
    });
    pipe.write(messageFrame(jobMessage(job)));
  });
}

const notStarted = (python: string, e: Error): OpenTrnError =>
  new OpenTrnError(
    `${python} does not start (${e.message}); install Python 3.9 or newer, set OPENTRN_PYTHON_BIN, or use the embedded one (--python pyodide)`,
    { category: "bad input", rule: "python3" },
  );

const died = (python: string, code: number | null, signal: string | null): OpenTrnError =>
  new OpenTrnError(
    `${python} ended before the kernel returned (${signal ? `signal ${signal}` : `exit code ${code}`}); see its messages above`,
    { category: "kernel exception", rule: "python3 exit" },
  );
