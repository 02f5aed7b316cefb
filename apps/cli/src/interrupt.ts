/** Ctrl-C while a kernel's Python runs: the kernel is stopped, its interpreter ended, and the command leaves with 130. */
import process from "node:process";
import { OpenTrnError } from "@opentrn/base";

/** Ended by the user or the system; shells expect 128 + the signal's number. */
export class Interrupted extends OpenTrnError {
  readonly exitCode: number;
  constructor(signal: "SIGINT" | "SIGTERM") {
    super(`stopped by ${signal === "SIGINT" ? "Ctrl-C" : signal}; no file was written`, {
      category: "limit reached",
      rule: "stopped",
    });
    this.exitCode = signal === "SIGINT" ? 130 : 143;
  }
}

/**
 * Runs `job` with a signal that fires at Ctrl-C. Handlers are only there while the job runs: code that does not yield to the event
 * loop must keep the system's own, which ends the process at once.
 */
export async function interruptible<T>(job: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = (name: "SIGINT" | "SIGTERM"): void => controller.abort(new Interrupted(name));
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  try {
    return await job(controller.signal);
  } catch (e) {
    throw controller.signal.aborted ? controller.signal.reason : e;
  } finally {
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
  }
}
