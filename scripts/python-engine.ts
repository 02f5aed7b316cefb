/** The engine that the Python package carries: serves one Python process over stdin and stdout. Bundled by scripts/build-python.mjs. */
import { existsSync, readFileSync, writeSync } from "node:fs";
import { useKernelBytes } from "../packages/fast/src/index.ts";
import { EngineServer } from "../packages/runtime/src/engine-server.ts";

const beside = (name: string): URL => new URL(`./${name}`, import.meta.url);
if (existsSync(beside("kernels.wasm")))
  useKernelBytes({
    plain: readFileSync(beside("kernels.wasm")),
    relaxed: readFileSync(beside("kernels-relaxed.wasm")),
  });

/** Answers leave at once and in order, even when the process ends right after. */
function write(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(1, bytes, at);
    } catch (e) {
      const code = (e as NodeJS.ErrnoException).code;
      if (code === "EPIPE") process.exit(0);
      if (code !== "EAGAIN") throw e;
    }
  }
}

const server = new EngineServer(write);
process.stdin.on("data", (piece: Uint8Array) => server.push(piece));
process.stdin.on("end", () => process.exit(0));
// Ctrl-C is Python's to handle: it ends the engine when it gives up on a run.
process.on("SIGINT", () => {});
