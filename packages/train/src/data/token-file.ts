/** Tokens on disk: little-endian 16-bit ids where the vocabulary allows, 32-bit ones otherwise. Read by range, never whole. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { OpenTrnError } from "@opentrn/base";

/** Bytes that hold an id of that vocabulary. */
export const idBytes = (vocabulary: number): 2 | 4 => (vocabulary <= 0x10000 ? 2 : 4);

export class TokenFile {
  /** Tokens in the file. */
  readonly length: number;
  readonly path: string;
  private readonly width: 2 | 4;
  private fd: number | undefined;

  constructor(path: string, width: 2 | 4) {
    this.path = path;
    this.width = width;
    this.fd = openSync(path, "r");
    this.length = Math.floor(fstatSync(this.fd).size / width);
  }

  /** `count` tokens from `start`, which must lie in the file. */
  read(start: number, count: number): Int32Array {
    const bytes = Buffer.alloc(count * this.width);
    if (this.fd === undefined) throw this.fault("is closed");
    const n = readSync(this.fd, bytes, 0, bytes.length, start * this.width);
    if (n !== bytes.length)
      throw this.fault(`ended at token ${start + Math.floor(n / this.width)}`);
    const ids = new Int32Array(count);
    for (let i = 0; i < count; i++)
      ids[i] = this.width === 2 ? bytes.readUInt16LE(2 * i) : bytes.readUInt32LE(4 * i);
    return ids;
  }

  close(): void {
    if (this.fd !== undefined) closeSync(this.fd);
    this.fd = undefined;
  }

  private fault(why: string): OpenTrnError {
    return new OpenTrnError(`${this.path} ${why} while training reads it; start again`, {
      category: "bad input",
      rule: "token cache",
    });
  }
}
