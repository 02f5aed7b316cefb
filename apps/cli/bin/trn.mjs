#!/usr/bin/env node
// The trn command. Everything lives in dist; this file only says what to do when it is not there.
import { existsSync } from "node:fs";
import module from "node:module";
import process from "node:process";

const entry = new URL("../dist/index.js", import.meta.url);
if (!existsSync(entry)) {
  console.error(
    "trn: not built yet; run `npm install` (or `npm run build`) in the repository first",
  );
  process.exit(2);
}
// Node 22 keeps compiled code between runs; older ones compile each time.
module.enableCompileCache?.();
const { main, processIo } = await import(entry.href);
process.exitCode = await main(process.argv.slice(2), processIo());
