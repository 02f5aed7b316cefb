/** The engine that the Python package carries, with its kernels beside it. Bundled by scripts/build-python.mjs. */
import { existsSync, readFileSync } from "node:fs";
import { useKernelBytes } from "../packages/fast/src/index.ts";
import { serveStdio } from "../packages/runtime/src/engine/serve-stdio.ts";

const beside = (name: string): URL => new URL(`./${name}`, import.meta.url);
if (existsSync(beside("kernels.wasm")))
  useKernelBytes({
    plain: readFileSync(beside("kernels.wasm")),
    relaxed: readFileSync(beside("kernels-relaxed.wasm")),
  });
serveStdio();
