// Builds everything that is not committed: WebAssembly kernels, TypeScript output, the Python signatures and the engine
// bundle the Python package carries. Runs on `npm install` and by `npm run build`.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const steps = [
  ["scripts/build-wasm.mjs", "WebAssembly kernels"],
  ["node_modules/typescript/bin/tsc", "TypeScript", "-b"],
  ["scripts/build-python.mjs", "Python package"],
];
for (const [script, what, ...args] of steps) {
  if (!existsSync(`${root}${script}`)) continue;
  const started = Date.now();
  const done = spawnSync(process.execPath, [script, ...args], { cwd: root, stdio: "inherit" });
  if (done.status !== 0) {
    console.error(`build: ${what} failed`);
    process.exit(done.status ?? 1);
  }
  console.error(`build: ${what} ${((Date.now() - started) / 1000).toFixed(1)} s`);
}
