/** Serves one Python process over this process's standard input and output. */
import { writeSync } from "node:fs";
import process from "node:process";
import { EngineServer } from "../engine-server.ts";

/** Ends with its parent; standard error stays free for messages. */
export function serveStdio(): void {
  const server = new EngineServer(write);
  process.stdin.on("data", (piece: Uint8Array) => server.push(piece));
  process.stdin.on("end", () => process.exit(0));
  // Ctrl-C is Python's to handle: it ends the engine when it gives up on a run.
  process.on("SIGINT", () => {});
}

/** Answers leave at once and in order, even when the process ends right after. */
function write(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(1, bytes, at);
    } catch (e) {
      const { code } = e as NodeJS.ErrnoException;
      if (code === "EPIPE") process.exit(0);
      // The pipe is full: Python is busy reading.
      if (code === "EAGAIN") Atomics.wait(pause, 0, 0, 1);
      else throw e;
    }
  }
}

const pause = new Int32Array(new SharedArrayBuffer(4));
