/** Bytes that are on the disk when the call returns, and what it means when they are not. */
import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { OpenTrnError } from "@opentrn/base";

/** Writes one piece of a file; tests give one that fails like a full disk. */
export type WritePiece = (fd: number, bytes: Uint8Array, offset: number) => number;
const writePiece: WritePiece = (fd, bytes, offset) => writeSync(fd, bytes, offset);

/** A new file with those contents, flushed to the disk. */
export function writeDurably(
  path: string,
  bytes: Uint8Array,
  write: WritePiece = writePiece,
): void {
  const fd = openSync(path, "w");
  try {
    for (let at = 0; at < bytes.length; ) at += write(fd, bytes, at);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Flushes the names in a folder. Where a folder cannot be opened (Windows) there is nothing to flush. */
export function flushFolder(path: string): void {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    return;
  }
  try {
    fsyncSync(fd);
  } catch {
    // Some file systems know no flush of folders; the rename is then as safe as they make it.
  } finally {
    closeSync(fd);
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EFBIG: "the file is larger than this account may write",
  EACCES: "the folder may not be written to",
  EPERM: "the folder may not be written to",
  EROFS: "the file system is read-only",
};

/** A failed checkpoint as the user reads it: why, what is still there, what to do. Other errors pass. */
export function checkpointFault(e: unknown, folder: string, kept: string | undefined): unknown {
  const { code } = e as NodeJS.ErrnoException;
  if (e instanceof OpenTrnError || code === undefined) return e;
  const why = reasons[code] ?? `it cannot be written (${code})`;
  const still = kept ? `${kept} is still whole` : "there is no earlier one";
  return new OpenTrnError(
    `checkpoint in ${folder}: ${why}; ${still}. Free space and go on with --resume, or choose another --out`,
    { category: "limit reached", rule: "checkpoint" },
  );
}
