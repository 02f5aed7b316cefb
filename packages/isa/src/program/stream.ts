/**
 * Feeds a host's record stream into a builder. Words arrive in pieces of any size; an unfinished record waits for its rest.
 * The same stream, kept whole, is the binary form of a Program (docs/program.md).
 */
import { OpenTrnError } from "@opentrn/base";
import { dtypeOf } from "@opentrn/numerics";
import type { Space } from "../define.ts";
import type { ProgramBuilder } from "./builder.ts";
import { readInstruction } from "./codec.ts";
import type { StorageKind } from "./pattern.ts";
import { control, Truncated, WordReader } from "./words.ts";

const spaces: readonly Space[] = ["sbuf", "psum", "hbm"];
const kinds: readonly StorageKind[] = ["input", "output", "internal", "constant"];
const MAX_STRING_BYTES = 2 ** 20;
const MAX_RANK = 8;

export class ProgramStream {
  /** True once the host said that the kernel returned. */
  ended = false;
  private rest = new Int32Array(0);
  private readonly strings = new Map<number, string>();
  /** Host's line and storage numbers to the builder's: hosts number from 1 and 0 in order of appearance. */
  private readonly lines: number[] = [0];
  private readonly builder: ProgramBuilder;
  private orderedFrom: number[] = [];

  constructor(builder: ProgramBuilder) {
    this.builder = builder;
  }

  /** Consumes every complete record; the first broken rule throws with the user's line. */
  push(words: Int32Array): void {
    let all = words;
    if (this.rest.length > 0) {
      all = new Int32Array(this.rest.length + words.length);
      all.set(this.rest);
      all.set(words, this.rest.length);
    }
    const r = new WordReader(all);
    let done = 0;
    try {
      while (r.at < all.length) {
        this.record(r, all);
        done = r.at;
      }
    } catch (e) {
      if (!(e instanceof Truncated)) throw e;
    }
    this.rest = all.slice(done);
  }

  /** Declares that no more words come; a cut-off record or a missing end is an error. */
  finish(): void {
    if (this.rest.length > 0 || !this.ended)
      throw new OpenTrnError(
        "the Program ends in the middle of a record; the file or pipe was cut off",
        {
          category: "bad input",
          rule: "stream end",
        },
      );
  }

  private record(r: WordReader, all: Int32Array): void {
    if (this.ended)
      throw new OpenTrnError("record stream: words after the end record", {
        category: "invalid program",
      });
    const opcode = all[r.at]!;
    if (opcode < 1000) {
      const from = r.at;
      const i = readInstruction(r, this.builder.length);
      const line = this.lines[i.line];
      if (line === undefined)
        throw new OpenTrnError(`record stream: line ${i.line} was never declared`, {
          category: "invalid program",
        });
      all[from + 1] = line;
      this.builder.store({ ...i, line }, all, from, r.at);
      return;
    }
    r.next();
    const handler = this.handlers[opcode];
    if (!handler)
      throw new OpenTrnError(`record stream: record ${opcode} is unknown`, {
        category: "invalid program",
      });
    handler(r);
  }

  private text(id: number): string {
    const s = this.strings.get(id);
    if (s === undefined && id !== 0)
      throw new OpenTrnError(`record stream: string ${id} was never declared`, {
        category: "invalid program",
      });
    return s ?? "";
  }

  private bytes(r: WordReader, length: number): Uint8Array {
    const words = Math.ceil(length / 4);
    if (r.at + words > r.end) throw new Truncated();
    const copy = r.words.slice(r.at, r.at + words);
    r.at += words;
    return new Uint8Array(copy.buffer, 0, length);
  }

  private readonly handlers: Readonly<Record<number, (r: WordReader) => void>> = {
    [control.string]: (r) => {
      const id = r.next();
      const length = r.count(MAX_STRING_BYTES, "string length");
      this.strings.set(id, new TextDecoder().decode(this.bytes(r, length)));
    },
    [control.line]: (r) => {
      const [id, file, line, fn] = [r.next(), r.next(), r.next(), r.next()];
      this.lines[id] = this.builder.line(this.text(file), line, this.text(fn));
    },
    [control.storage]: (r) => {
      const [line, id, space, dtype, kind, core] = [
        r.next(),
        r.next(),
        r.next(),
        r.next(),
        r.next(),
        r.next(),
      ];
      const [pinned, partition, offset, name] = [r.next(), r.next(), r.next(), r.next()];
      const shape = Array.from({ length: r.count(MAX_RANK, "tensor rank") }, () => r.next());
      if (spaces[space] === undefined || kinds[kind] === undefined)
        throw new OpenTrnError(`record stream: storage ${id} has unknown space or kind`, {
          category: "invalid program",
        });
      const made = this.builder.declare({
        name: this.text(name),
        space: spaces[space],
        kind: kinds[kind],
        dtype: dtypeOf(dtype),
        shape,
        line: this.lines[line] ?? 0,
        core: core,
        ...(pinned ? { pinned: { partition, offset } } : {}),
      });
      if (made !== id)
        throw new OpenTrnError(
          `record stream: storage ${id} declared out of order, expected ${made}`,
          { category: "invalid program" },
        );
    },
    [control.core]: (r) => this.builder.setCore(r.next()),
    [control.output]: (r) => this.builder.markOutput(r.next()),
    [control.constant]: (r) => {
      const storage = this.builder.storages[r.next()];
      const length = r.count(2 ** 30, "constant length");
      const data = this.bytes(r, length);
      if (storage === undefined || storage.rowBytes !== length)
        throw new OpenTrnError("record stream: a constant does not fit its storage", {
          category: "invalid program",
        });
      storage.data = data;
    },
    [control.order]: (r) => {
      if (r.next() === 1) this.orderedFrom.push(this.builder.length);
      else this.builder.addOrdered(this.orderedFrom.pop() ?? 0);
    },
    [control.depends]: (r) => this.builder.addDependency(r.next(), r.next()),
    [control.print]: (r) => {
      const prefix = this.text(r.next());
      const operand = r.operand();
      if (operand) this.builder.addPrint(prefix, operand);
    },
    [control.end]: () => {
      this.ended = true;
    },
  };
}
