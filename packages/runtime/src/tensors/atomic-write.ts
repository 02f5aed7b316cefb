/** Files appear whole or not at all: written beside their place and renamed, so that Ctrl-C leaves no half file. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { OpenTrnError } from "@opentrn/base";

export function writeFileAtomic(path: string, contents: Uint8Array | string): void {
  const partial = `${path}.${process.pid}.partial`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(partial, contents);
    renameSync(partial, path);
  } catch (e) {
    remove(partial);
    throw new OpenTrnError(
      `${path}: cannot be written (${(e as NodeJS.ErrnoException).code}); choose a path you may write to`,
      { category: "bad input", rule: "file" },
    );
  }
}

/** The place may be such that even removing fails; the first error is the one to tell. */
function remove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {}
}
