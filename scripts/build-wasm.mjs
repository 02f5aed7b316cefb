// Compiles packages/fast/assembly to WebAssembly: kernels.wasm for every host and kernels-relaxed.wasm (fused multiply-add in matmul) for
// hosts with relaxed SIMD. Nothing is committed; a stamp of all inputs makes an up-to-date tree a no-op.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const fast = `${root}packages/fast`;
const out = `${fast}/generated`;
const targets = [
  { file: "kernels.wasm", features: ["simd"] },
  { file: "kernels-relaxed.wasm", features: ["simd", "relaxed-simd"] },
];

/** The numbers shared with TypeScript, as AssemblyScript source. */
async function sharedTables() {
  const { outputFiles } = await build({
    entryPoints: [`${fast}/src/tables.ts`],
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    conditions: ["@opentrn/source"],
    logLevel: "error",
  });
  const source = Buffer.from(outputFiles[0].contents).toString("base64");
  return (await import(`data:text/javascript;base64,${source}`)).assemblyTables();
}

/** A digest of everything the output depends on. */
function stampOf(tables) {
  const hash = createHash("sha256")
    .update(tables)
    .update(readFileSync(fileURLToPath(import.meta.url)));
  hash.update(readFileSync(`${root}node_modules/assemblyscript/package.json`));
  for (const name of readdirSync(`${fast}/assembly`).sort())
    hash.update(name).update(readFileSync(`${fast}/assembly/${name}`));
  return hash.digest("hex");
}

const tables = await sharedTables();
const stamp = stampOf(tables);
const stampFile = `${out}/stamp`;
const built = targets.every(({ file }) => existsSync(`${out}/${file}`));
if (!(built && existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp)) {
  mkdirSync(out, { recursive: true });
  writeFileSync(`${out}/tables.ts`, tables);
  const asc = await import(pathToFileURL(`${root}node_modules/assemblyscript/dist/asc.js`).href);
  for (const { file, features } of targets) {
    const { error, stderr } = await asc.main([
      `${fast}/assembly/index.ts`,
      ...["--outFile", `${out}/${file}`],
      ...features.flatMap((f) => ["--enable", f]),
      ...["-O3", "--runtime", "stub", "--noAssert", "--importMemory", "--noExportMemory"],
      ...["--initialMemory", "1"],
    ]);
    if (error) {
      console.error(stderr.toString());
      throw error;
    }
  }
  writeFileSync(stampFile, stamp);
}
