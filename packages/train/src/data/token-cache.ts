/**
 * Text to tokens, once: the ids are kept in a file named after the text's and the tokenizer's fingerprints, written beside its place
 * and renamed, so that a run that is stopped leaves no half of one.
 */
import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { OpenTrnError } from "@opentrn/base";
import type { Tokenizer } from "@opentrn/models";
import { fileHash, textPieces } from "./source-files.ts";
import { idBytes, TokenFile } from "./token-file.ts";

/** Changes when the same text and tokenizer give other ids. */
const VERSION = 1;

export interface TokenisedText {
  readonly tokens: TokenFile;
  /** SHA-256 over the files' contents and the tokenizer: the same tokens for the same value. */
  readonly fingerprint: string;
  readonly files: number;
  readonly bytes: number;
  /** False when a cache of an earlier run was used. */
  readonly encoded: boolean;
}

interface CacheNote {
  readonly fingerprint: string;
  readonly tokens: number;
  readonly sha256: string;
  readonly bytes: number;
}

/** The tokens of `files`, in order. `progress` gets the share of bytes done. Stops with `bad input` for what is not text. */
export function tokenise(
  files: readonly string[],
  tokenizer: Tokenizer,
  folder: string,
  progress: (tokens: number) => void = () => {},
): TokenisedText {
  const fingerprint = createHash("sha256")
    .update(JSON.stringify([VERSION, tokenizer.fingerprint, files.map(fileHash)]))
    .digest("hex");
  const path = join(folder, `tokens-${fingerprint.slice(0, 16)}.bin`);
  const notePath = `${path}.json`;
  const width = idBytes(tokenizer.vocabSize);
  const known = readNote(notePath, fingerprint);
  if (known && existsSync(path) && fileHash(path) === known.sha256)
    return {
      tokens: new TokenFile(path, width),
      fingerprint,
      files: files.length,
      bytes: known.bytes,
      encoded: false,
    };
  mkdirSync(folder, { recursive: true });
  const partial = `${path}.${process.pid}.partial`;
  try {
    const note = { fingerprint, ...encodeTo(partial, files, tokenizer, width, progress) };
    renameSync(partial, path);
    writeFileSync(notePath, `${JSON.stringify(note)}\n`);
    return {
      tokens: new TokenFile(path, width),
      fingerprint,
      files: files.length,
      bytes: note.bytes,
      encoded: true,
    };
  } catch (e) {
    rmSync(partial, { force: true });
    throw diskFault(path, e);
  }
}

function readNote(path: string, fingerprint: string): CacheNote | undefined {
  try {
    const note = JSON.parse(readFileSync(path, "utf8")) as CacheNote;
    return note.fingerprint === fingerprint ? note : undefined;
  } catch {
    return undefined;
  }
}

function encodeTo(
  path: string,
  files: readonly string[],
  tokenizer: Tokenizer,
  width: 2 | 4,
  progress: (tokens: number) => void,
): Omit<CacheNote, "fingerprint"> {
  const hash = createHash("sha256");
  let tokens = 0;
  let bytes = 0;
  const fd = openSync(path, "w");
  try {
    const put = (ids: ArrayLike<number>): void => {
      const out = packed(ids, width, tokenizer);
      hash.update(out);
      for (let at = 0; at < out.length; ) at += writeSync(fd, out, at);
      tokens += ids.length;
      progress(tokens);
    };
    for (const [i, file] of files.entries()) {
      if (i > 0 && tokenizer.eos !== undefined) put([tokenizer.eos]);
      for (const piece of textPieces(file)) {
        bytes += Buffer.byteLength(piece);
        put(tokenizer.encode(piece));
      }
    }
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  return { tokens, sha256: hash.digest("hex"), bytes };
}

function packed(ids: ArrayLike<number>, width: 2 | 4, tokenizer: Tokenizer): Uint8Array {
  const out = Buffer.alloc(ids.length * width);
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!;
    if (!(id >= 0 && id < tokenizer.vocabSize))
      throw new OpenTrnError(
        `tokenizer ${tokenizer.name} gave the id ${id}, its vocabulary has ${tokenizer.vocabSize}; its files do not belong together`,
        { category: "bad input", rule: "tokenizer" },
      );
    if (width === 2) out.writeUInt16LE(id, 2 * i);
    else out.writeUInt32LE(id, 4 * i);
  }
  return out;
}

function diskFault(path: string, e: unknown): unknown {
  const { code } = e as NodeJS.ErrnoException;
  if (e instanceof OpenTrnError || code === undefined) return e;
  const why = code === "ENOSPC" ? "the disk is full" : `it cannot be written (${code})`;
  return new OpenTrnError(`token cache ${path}: ${why}; free space or choose another --out`, {
    category: "bad input",
    rule: "token cache",
  });
}
