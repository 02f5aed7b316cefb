/** Writes the generated module of the Python package; run by scripts/build-python.mjs. */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { pythonIsa } from "../packages/nki/src/hosts/python-isa.ts";

const path = process.argv[2];
if (path === undefined) throw new Error("usage: generate-python OUT.py");
const text = pythonIsa();
let before = "";
try {
  before = readFileSync(path, "utf8");
} catch {
  // First build: there is nothing to compare with.
}
if (before !== text) {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}
