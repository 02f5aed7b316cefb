/** Files appear whole or not at all: written beside their place and renamed, so that Ctrl-C leaves no half file. */
import {
  closeSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { OpenTrnError } from "@opentrn/base";

/** Takes the contents whole, or in pieces that are made as they are written. */
export function writeFileAtomic(
  path: string,
  contents: Uint8Array | string | Iterable<Uint8Array>,
): void {
  const partial = `${path}.${process.pid}.partial`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    if (typeof contents === "string" || contents instanceof Uint8Array)
      writeFileSync(partial, contents);
    else writePieces(partial, contents);
    renameSync(partial, path);
  } catch (e) {
    remove(partial);
    const { code } = e as NodeJS.ErrnoException;
    if (code === undefined) throw e;
    throw new OpenTrnError(`${path}: cannot be written (${code}); choose a path you may write to`, {
      category: "bad input",
      rule: "file",
    });
  }
}

function writePieces(path: string, pieces: Iterable<Uint8Array>): void {
  const fd = openSync(path, "w");
  try {
    for (const piece of pieces)
      for (let at = 0; at < piece.length; ) at += writeSync(fd, piece, at);
  } finally {
    closeSync(fd);
  }
}

/** The place may be such that even removing fails; the first error is the one to tell. */
function remove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {}
}
