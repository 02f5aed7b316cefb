/** A file that grows by whole records; a resumed run first takes away what a run that died wrote after its last checkpoint. */
import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { OpenTrnError } from "@opentrn/base";

export class AppendFile {
  private fd: number | undefined;
  readonly path: string;
  /** True when nothing was kept: the file starts here. */
  readonly fresh: boolean;

  /** `keep` says how many bytes of what is there to keep; without it the file starts empty. */
  constructor(path: string, keep?: (bytes: Uint8Array) => number) {
    this.path = path;
    let kept = 0;
    try {
      mkdirSync(dirname(path), { recursive: true });
      if (keep && existsSync(path)) kept = keep(readFileSync(path));
      this.fd = openSync(path, kept > 0 ? "r+" : "w");
      ftruncateSync(this.fd, kept);
    } catch (e) {
      throw this.fault(e);
    }
    this.at = kept;
    this.fresh = kept === 0;
  }
  private at: number;

  /** One write call, so that a process that dies cuts off at most the last record. */
  append(bytes: Uint8Array): void {
    if (this.fd === undefined) return;
    try {
      for (let done = 0; done < bytes.length; ) {
        const n = writeSync(this.fd, bytes, done, bytes.length - done, this.at);
        done += n;
        this.at += n;
      }
    } catch (e) {
      throw this.fault(e);
    }
  }

  close(): void {
    if (this.fd !== undefined) closeSync(this.fd);
    this.fd = undefined;
  }

  private fault(e: unknown): unknown {
    const { code } = e as NodeJS.ErrnoException;
    if (code === undefined) return e;
    const why = code === "ENOSPC" ? "the disk is full" : `it cannot be written (${code})`;
    return new OpenTrnError(
      `log ${this.path}: ${why}; free space and go on with --resume, or choose another --out`,
      { category: "bad input", rule: "log" },
    );
  }
}
