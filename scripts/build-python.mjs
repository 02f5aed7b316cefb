// Builds what the Python package carries and git does not: the module generated from the instruction records.
// Bundled straight from the TypeScript sources, so that it never runs behind them.
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const bundled = `${root}node_modules/.cache-generate-python.mjs`;

await build({
  entryPoints: [`${root}scripts/generate-python.ts`],
  outfile: bundled,
  bundle: true,
  platform: "node",
  format: "esm",
  conditions: ["@opentrn/source"],
  logLevel: "warning",
});
process.argv[2] = `${root}python/nki/_isa_generated.py`;
try {
  await import(bundled);
} finally {
  rmSync(bundled, { force: true });
}
