/** Which files the training text is in, and their text in pieces; what is no text stops with the file and the byte. */
import { createHash } from "node:crypto";
import { closeSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { OpenTrnError } from "@opentrn/base";

const READ_BYTES = 2 ** 20;
/** A line longer than this is cut between two characters. */
const LONGEST_PIECE = 4 * READ_BYTES;
const NEWLINE = 0x0a;

const badData = (message: string): OpenTrnError =>
  new OpenTrnError(message, { category: "bad input", rule: "--data" });

/**
 * The files that `paths` name: files as they are, folders with every file below them in the order of their names, without hidden
 * entries and links. Stops with `bad input` when one is missing, empty of files, or neither file nor folder.
 */
export function sourceFiles(paths: readonly string[]): readonly string[] {
  return paths.flatMap((path) => {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat) throw badData(`--data ${path}: no such file or folder`);
    if (stat.isFile()) return [path];
    if (!stat.isDirectory()) throw badData(`--data ${path} is neither a file nor a folder`);
    const found = [...filesBelow(path)];
    if (found.length === 0)
      throw badData(`--data ${path}: the folder holds no files; name one with text`);
    return found;
  });
}

function* filesBelow(folder: string): Generator<string> {
  const entries = readdirSync(folder, { withFileTypes: true });
  for (const e of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (e.name.startsWith(".")) continue;
    const path = join(folder, e.name);
    if (e.isDirectory()) yield* filesBelow(path);
    else if (e.isFile()) yield path;
  }
}

/** The bytes of a file, a mebibyte at a time. */
export function* fileChunks(path: string): Generator<Uint8Array> {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (e) {
    throw badData(
      `--data ${path}: cannot be opened (${(e as NodeJS.ErrnoException).code}); name a file you may read`,
    );
  }
  try {
    for (;;) {
      const chunk = new Uint8Array(READ_BYTES);
      const n = readSync(fd, chunk, 0, READ_BYTES, null);
      if (n === 0) return;
      yield chunk.subarray(0, n);
    }
  } finally {
    closeSync(fd);
  }
}

/** SHA-256 of a file's bytes, in hex. */
export function fileHash(path: string): string {
  const hash = createHash("sha256");
  for (const chunk of fileChunks(path)) hash.update(chunk);
  return hash.digest("hex");
}

/**
 * The text of a UTF-8 file in pieces that end at the last line end of about a mebibyte. Where pieces end depends on the file alone, so
 * that its tokens do too. A zero byte or a sequence that is not UTF-8 stops with `bad input`.
 */
export function* textPieces(path: string): Generator<string> {
  let rest: Uint8Array = new Uint8Array(0);
  let at = 0;
  for (const chunk of fileChunks(path)) {
    const zero = chunk.indexOf(0);
    if (zero >= 0) throw notText(path, at + rest.length + zero, "a zero byte");
    const bytes = joined(rest, chunk);
    const cut = pieceEnd(bytes);
    if (cut > 0) yield decoded(path, bytes.subarray(0, cut), at);
    at += cut;
    rest = bytes.slice(cut);
  }
  if (rest.length > 0) yield decoded(path, rest, at);
}

/** Bytes up to the last line end; none yet where the line goes on, unless it is too long to hold. */
function pieceEnd(bytes: Uint8Array): number {
  const line = bytes.lastIndexOf(NEWLINE) + 1;
  if (line > 0 || bytes.length < LONGEST_PIECE) return line;
  let cut = bytes.length;
  // Continuation bytes are 10xxxxxx: step back to the byte that starts a character.
  while (cut > bytes.length - 4 && (bytes[cut - 1]! & 0xc0) === 0x80) cut--;
  return cut - 1;
}

function decoded(path: string, bytes: Uint8Array, at: number): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: at > 0 }).decode(bytes);
  } catch {
    throw notText(path, at + validPrefix(bytes), "a byte sequence that is not UTF-8");
  }
}

/** Bytes before the first that is no UTF-8: decoding leniently puts the replacement character there. */
function validPrefix(bytes: Uint8Array): number {
  let low = 0;
  let high = bytes.length;
  const valid = (n: number): boolean => {
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, n), { stream: true });
      return true;
    } catch {
      return false;
    }
  };
  while (low + 1 < high) {
    const middle = (low + high) >> 1;
    if (valid(middle)) low = middle;
    else high = middle;
  }
  return low;
}

const notText = (path: string, at: number, what: string): OpenTrnError =>
  badData(
    `--data ${path} is not text: ${what} at offset ${at}; training takes UTF-8 text, so convert the file or leave it out`,
  );

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}
