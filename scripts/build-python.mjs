// Builds what the Python package carries and git does not: the module generated from the instruction records, and the engine it
// starts. Bundled straight from the TypeScript sources, so that neither runs behind them.
import { copyFileSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const python = `${root}python/nki`;
const bundle = (entry, outfile, more = {}) =>
  build({
    entryPoints: [`${root}scripts/${entry}`],
    outfile,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    conditions: ["@opentrn/source"],
    logLevel: "warning",
    ...more,
  });

const generator = `${root}node_modules/.cache-generate-python.mjs`;
await bundle("generate-python.ts", generator);
process.argv[2] = `${python}/_isa_generated.py`;
try {
  await import(generator);
} finally {
  rmSync(generator, { force: true });
}

mkdirSync(`${python}/_engine`, { recursive: true });
await bundle("python-engine.ts", `${python}/_engine/engine.mjs`, {
  minify: true,
  legalComments: "none",
  // Only a kernel file or a type-stripper needs these; the engine has neither.
  external: ["pyodide", "@swc/wasm-typescript"],
  banner: {
    js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
  },
});
for (const name of ["kernels.wasm", "kernels-relaxed.wasm"]) {
  const built = `${root}packages/fast/generated/${name}`;
  if (existsSync(built)) copyFileSync(built, `${python}/_engine/${name}`);
}

// Starting the embedded Python from a snapshot takes half a second instead of several; without the built hosts it is made on first use.
const hosts = `${root}packages/nki/dist/hosts/index.js`;
if (!process.argv.includes("--no-snapshot") && existsSync(hosts))
  await (await import(hosts)).pyodideSnapshot();
