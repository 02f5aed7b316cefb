/**
 * The int32 record stream that hosts send and Programs keep. An instruction is `[opcode, line, operands…, attributes…]`, in the
 * order its record declares; every part describes its own length, so a stream needs no lengths. docs/program.md holds the format.
 */

import { OpenTrnError } from "@opentrn/base";
import { bitsOfF32, dtypeId, dtypeOf, f32OfBits } from "@opentrn/numerics";
import type { AccessPattern, DynamicOffset, Operand } from "./pattern.ts";

/** Records that are not instructions. Instruction opcodes are the position in the op table, below 1000. */
export const control = {
  string: 1001,
  line: 1002,
  storage: 1003,
  core: 1004,
  output: 1005,
  constant: 1006,
  order: 1007,
  depends: 1008,
  print: 1009,
  end: 1010,
} as const;

const kinds = { none: 0, float: 1, int: 2, register: 3, tile: 4 } as const;
const dynamics = ["none", "register", "scalar", "vector", "indirect"] as const;
const MAX_RANK = 8;

export class WordWriter {
  words: number[] = [];

  operand(o: Operand | undefined): void {
    if (o === undefined) this.words.push(kinds.none);
    else if (o.kind === "float") this.words.push(kinds.float, bitsOfF32(o.value) | 0);
    else if (o.kind === "int") this.words.push(kinds.int, o.value | 0);
    else if (o.kind === "register") this.words.push(kinds.register, o.register);
    else this.pattern(o.pattern);
  }

  pattern(p: AccessPattern): void {
    const dynamic = p.dynamic ? dynamics.indexOf(p.dynamic.kind) : 0;
    const low = p.offset % 2 ** 31;
    this.words.push(
      kinds.tile | (p.dims.length << 4) | (dtypeId[p.dtype] << 8) | (dynamic << 16),
      p.storage,
      p.partition + Math.floor(p.offset / 2 ** 31) * 256,
      low,
    );
    for (const [stride, count] of p.dims) this.words.push(stride, count);
    if (!p.dynamic) return;
    this.words.push(p.dynamic.stride, p.dynamic.limit);
    if (p.dynamic.kind === "register") this.words.push(p.dynamic.register);
    else this.pattern(p.dynamic.index);
  }
}

/** Reads records out of an int32 array; running past its end throws `Truncated`. */
export class WordReader {
  at: number;
  readonly words: Int32Array;
  readonly end: number;

  constructor(words: Int32Array, at = 0, end = words.length) {
    this.words = words;
    this.at = at;
    this.end = end;
  }

  next(): number {
    if (this.at >= this.end) throw new Truncated();
    return this.words[this.at++]!;
  }

  count(limit: number, what: string): number {
    const n = this.next();
    if (n < 0 || n > limit)
      throw new OpenTrnError(`record stream: ${what} is ${n}, must be 0 to ${limit}`, {
        category: "invalid program",
      });
    return n;
  }

  /** The next operand; `storageAt` is told the position of every storage number in it. */
  operand(storageAt?: (position: number) => void): Operand | undefined {
    const tag = this.next();
    switch (tag & 15) {
      case kinds.none:
        return undefined;
      case kinds.float:
        return { kind: "float", value: f32OfBits(this.next()) };
      case kinds.int:
        return { kind: "int", value: this.next() };
      case kinds.register:
        return { kind: "register", register: this.next() };
      case kinds.tile:
        return { kind: "tile", pattern: this.pattern(tag, storageAt) };
      default:
        throw new OpenTrnError(`record stream: operand tag ${tag} is unknown`, {
          category: "invalid program",
        });
    }
  }

  private pattern(tag: number, storageAt?: (position: number) => void): AccessPattern {
    const rank = (tag >> 4) & 15;
    const dynamic = dynamics[(tag >> 16) & 7];
    if (rank > MAX_RANK || dynamic === undefined)
      throw new OpenTrnError(`record stream: operand tag ${tag} is malformed`, {
        category: "invalid program",
      });
    const dtype = dtypeOf((tag >> 8) & 255);
    storageAt?.(this.at);
    const storage = this.next();
    const high = this.next();
    const offset = this.next() + (high >> 8) * 2 ** 31;
    const dims: [number, number][] = [];
    for (let i = 0; i < rank; i++) dims.push([this.next(), this.next()]);
    const base = { storage, dtype, partition: high & 255, offset, dims };
    return dynamic === "none" ? base : { ...base, dynamic: this.dynamic(dynamic, storageAt) };
  }

  private dynamic(
    kind: "register" | "scalar" | "vector" | "indirect",
    storageAt?: (position: number) => void,
  ): DynamicOffset {
    const stride = this.next();
    const limit = this.next();
    if (kind === "register") return { kind, stride, limit, register: this.next() };
    const tag = this.next();
    if ((tag & 15) !== kinds.tile || ((tag >> 16) & 7) !== 0)
      throw new OpenTrnError(
        "record stream: a dynamic offset needs a tile at a fixed place as its index",
        { category: "invalid program" },
      );
    return { kind, stride, limit, index: this.pattern(tag, storageAt) };
  }
}

/** The stream ends inside a record: more is to come, or the file is cut off. */
export class Truncated extends Error {}
