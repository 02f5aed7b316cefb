/** Tests trace with the package in `python/`; this makes its generated module match the records they run against. */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { pythonIsa } from "./python-isa.ts";

const path = fileURLToPath(new URL("../../../../python/nki/_isa_generated.py", import.meta.url));
const text = pythonIsa();
if (!existsSync(path) || readFileSync(path, "utf8") !== text) {
  writeFileSync(`${path}.${process.pid}`, text);
  renameSync(`${path}.${process.pid}`, path);
}

export const fixture = (name: string): string =>
  fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));

/** The line of a fixture that carries `# here: mark`. */
export const lineOf = (name: string, mark: string): number =>
  readFileSync(fixture(name), "utf8")
    .split("\n")
    .findIndex((l) => l.endsWith(`# here: ${mark}`)) + 1;
