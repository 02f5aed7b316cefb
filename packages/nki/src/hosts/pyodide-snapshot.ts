/**
 * Pyodide takes seconds to start and half a second from a snapshot of its memory with the package imported. The snapshot is made by
 * the build, or on first use, and is tied to the exact Python files and Pyodide version it holds.
 */
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { OpenTrnError } from "@opentrn/base";
import { pythonPackagePath } from "./package-path.ts";

/** Changes with what pyodide-worker.mjs puts into a snapshot. */
const LAYOUT = "2";

/** The URL of the pyodide package's entry; throws `bad input` when it is not installed. */
export function pyodideModule(): string {
  try {
    return pathToFileURL(createRequire(import.meta.url).resolve("pyodide/pyodide.mjs")).href;
  } catch {
    throw new OpenTrnError(
      "the embedded Python is not installed; run npm install, or install python3",
      {
        category: "bad input",
        rule: "pyodide",
      },
    );
  }
}

/** Names a snapshot: Pyodide's version and every file of the package. */
function fingerprint(): string {
  const hash = createHash("sha256");
  const folder = pythonPackagePath();
  hash.update(readFileSync(new URL("./package.json", pyodideModule())));
  hash.update(LAYOUT);
  for (const part of ["nki"])
    for (const name of readdirSync(join(folder, part), { recursive: true }) as string[])
      if (name.endsWith(".py")) hash.update(name).update(readFileSync(join(folder, part, name)));
  return hash.digest("hex").slice(0, 16);
}

/** Folders that may hold a snapshot: the package's own, then the user's cache. */
const folders = (): readonly string[] => [
  fileURLToPath(new URL("../../generated", import.meta.url)),
  join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "opentrn"),
];

/** The snapshot, made if need be; undefined where none can be kept. */
export async function pyodideSnapshot(): Promise<Uint8Array | undefined> {
  const name = `pyodide-${fingerprint()}.bin`;
  for (const folder of folders())
    if (existsSync(join(folder, name))) return readFileSync(join(folder, name));
  const bytes = await makeSnapshot();
  for (const folder of folders())
    try {
      mkdirSync(folder, { recursive: true });
      const temporary = join(folder, `${name}.${process.pid}`);
      writeFileSync(temporary, bytes);
      renameSync(temporary, join(folder, name));
      for (const old of readdirSync(folder))
        if (/^pyodide-[0-9a-f]{16}\.bin$/.test(old) && old !== name) rmSync(join(folder, old));
      break;
    } catch {
      // A folder that cannot be written: the next one, or no snapshot.
    }
  return bytes;
}

function makeSnapshot(): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./pyodide-worker.mjs", import.meta.url), {
      workerData: { task: "snapshot", pyodide: pyodideModule(), packagePath: pythonPackagePath() },
      env: {},
    });
    worker.on("message", (m: { snapshot: Uint8Array }) => {
      resolve(m.snapshot);
      void worker.terminate();
    });
    worker.on("error", reject);
    worker.on("exit", (code) => reject(new Error(`the snapshot worker ended with code ${code}`)));
  });
}
