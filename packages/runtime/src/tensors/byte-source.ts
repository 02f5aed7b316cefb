/** Bytes by range, from a file or from memory, so that one tensor of a large file is read without the rest. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { OpenTrnError } from "@opentrn/base";

export interface ByteSource {
  /** How messages name it. */
  readonly name: string;
  readonly size: number;
  /** Exactly `length` bytes from `offset`; the caller has checked the range against `size`. */
  read(offset: number, length: number): Uint8Array;
}

/** `bad input` about a file: what is wrong, with the value and the limit. */
export const badFile = (name: string, rule: string, message: string): OpenTrnError =>
  new OpenTrnError(`${name}: ${message}`, { category: "bad input", rule });

export const memorySource = (name: string, bytes: Uint8Array): ByteSource => ({
  name,
  size: bytes.length,
  read: (offset, length) => bytes.subarray(offset, offset + length),
});

const CHUNK = 2 ** 30;

/** Runs `body` with the open file and closes it; a missing or unreadable file is `bad input`. */
export function withFile<T>(path: string, body: (source: ByteSource) => T): T {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (e) {
    const code = (e as NodeJS.ErrnoException).code;
    throw badFile(
      path,
      "file",
      code === "ENOENT"
        ? "no such file; paths are relative to where trn is run"
        : `cannot be opened (${code})`,
    );
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw badFile(path, "file", "is not a regular file");
    return body({
      name: path,
      size: stat.size,
      read: (offset, length) => {
        const out = new Uint8Array(length);
        let done = 0;
        while (done < length) {
          const n = readSync(fd, out, done, Math.min(CHUNK, length - done), offset + done);
          if (n === 0)
            throw badFile(path, "file", `ended at byte ${offset + done} while being read`);
          done += n;
        }
        return out;
      },
    });
  } finally {
    closeSync(fd);
  }
}
