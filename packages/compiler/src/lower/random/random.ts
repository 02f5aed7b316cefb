/**
 * rng_bit_generator: Threefry-2x32 in exact integers. GpSimd adds modulo 2^32, VectorE shifts and takes exclusive ors; a block of the
 * counter is one element of a tile.
 */
import { sizeOf } from "@opentrn/ir";
import { records } from "@opentrn/isa";
import type { AluName } from "@opentrn/numerics";
import type { Emitter } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import { isSource, sourcesOf } from "../move/sources.ts";
import type { Template } from "../template.ts";

const P = 128;
/** Blocks of one partition at a time. */
const MOST_COLUMNS = 1024;
/** Rotations and the parity word of Threefry-2x32 (Salmon et al., SC 2011). */
const rotations = [13, 15, 26, 6, 17, 29, 16, 24] as const;
const parity = 0x1bd11bda;

export const random: Template = {
  name: "random",
  summary: "random bits by Threefry",
  refuses: (group) => {
    const anchors = group.body.filter((op) => op.name === "rng_bit_generator");
    if (anchors.length !== 1) return `${anchors.length} operations make random bits`;
    const other = group.body.find((op) => op !== anchors[0] && !isSource(op));
    if (other) return `${other.name} beside rng_bit_generator`;
    return group.results.every((v) => v.op === anchors[0]) ? undefined : "it has other results";
  },
  lower: (lowering) => {
    const { emit, group, output } = lowering;
    const op = group.results[0]!.op;
    const at = (i: number): View | undefined => {
      const k = group.results.findIndex((v) => v.index === i);
      return k < 0 ? undefined : output(k);
    };
    const state = sourcesOf(lowering)(op.operands[0]!);
    const made = new Threefry(emit, state);
    const bits = at(1);
    const n = sizeOf(op.results[1]!.type.shape);
    const blocks = Math.ceil(n / 2);
    if (bits) made.fill(bits.reshape([n]), blocks);
    const next = at(0);
    if (next) made.advance(next, blocks);
  },
};

type Word = View;

class Threefry {
  private readonly emit: Emitter;
  /** Key 0, key 1, counter low, counter high, in every partition. */
  private readonly state: View;
  private readonly keys: readonly Word[];

  constructor(emit: Emitter, state: View) {
    this.emit = emit;
    this.state = emit.sbuf("uint32", [P, 4], "state");
    emit.emit(records.dmaCopy, { dst: this.state, src: state.broadcast(0, P) });
    const mixed = this.bits("bitwise_xor", this.word(0), this.word(1));
    this.keys = [this.word(0), this.word(1), this.bits("bitwise_xor", mixed, this.one(parity))];
  }

  private word(i: number): Word {
    return this.state.slice(1, i, i + 1);
  }

  private tile(columns: number): Word {
    return this.emit.sbuf("uint32", [P, columns], "word");
  }

  private one(value: number): Word {
    const dst = this.tile(1);
    this.emit.emit(records.memset, { dst, value }, { engine: "gpsimd" });
    return dst;
  }

  private exact(op: AluName, x: Word, y: Word): Word {
    const columns = Math.max(x.free, y.free);
    const dst = this.tile(columns);
    const wide = (v: Word): Word => (v.free === columns ? v : v.repeat(1, columns));
    this.emit.emit(
      records.tensorTensor,
      { dst, data1: wide(x), data2: wide(y) },
      { op, engine: "gpsimd" },
    );
    return dst;
  }

  private bits(op: AluName, x: Word, y: Word): Word {
    const dst = this.tile(x.free);
    this.emit.emit(records.tensorTensor, { dst, data1: x, data2: y }, { op, engine: "vector" });
    return dst;
  }

  private shifted(op: "left_shift" | "right_shift", x: Word, by: number): Word {
    const dst = this.tile(x.free);
    this.emit.emit(
      records.tensorScalar,
      { dst, data: x, operand0: by },
      { op0: op, engine: "vector" },
    );
    return dst;
  }

  private rotated(x: Word, by: number): Word {
    return this.bits(
      "bitwise_or",
      this.shifted("left_shift", x, by),
      this.shifted("right_shift", x, 32 - by),
    );
  }

  /** Counter low and high plus `index`, with the carry. */
  private counter(index: Word): readonly [low: Word, high: Word] {
    const low = this.exact("add", index, this.word(2));
    const carry = this.exact("less", low, this.word(2));
    return [low, this.exact("add", carry, this.word(3))];
  }

  private block(index: Word): readonly [Word, Word] {
    const [low, high] = this.counter(index);
    let x = this.exact("add", low, this.keys[0]!);
    let y = this.exact("add", high, this.keys[1]!);
    for (let group = 1; group <= 5; group++) {
      for (let i = 0; i < 4; i++) {
        x = this.exact("add", x, y);
        const by = rotations[(4 * (group - 1) + i) % 8]!;
        y = this.bits("bitwise_xor", this.rotated(y, by), x);
      }
      x = this.exact("add", x, this.keys[group % 3]!);
      const key = this.exact("add", this.keys[(group + 1) % 3]!, this.one(group));
      y = this.exact("add", y, key);
    }
    return [x, y];
  }

  /** Writes [n]: first words of all blocks, then as many second words as are left. */
  fill(out: View, blocks: number): void {
    const columns = Math.min(MOST_COLUMNS, Math.ceil(blocks / P));
    const n = out.shape[0]!;
    for (let first = 0; first < blocks; first += P * columns) {
      const index = this.emit.sbuf("int32", [P, columns], "index");
      this.emit.emit(
        records.iota,
        { dst: index },
        { pattern: [1, columns], offset: first, channel_multiplier: columns },
      );
      const count = Math.min(P * columns, blocks - first);
      const words = this.block(index.bits("uint32"));
      this.store(out, first, count, words[0]!);
      this.store(out, blocks + first, Math.min(count, n - blocks - first), words[1]!);
    }
  }

  /** The first `count` elements of the tile, row by row, to out[at ..]. */
  private store(out: View, at: number, count: number, tile: View): void {
    const columns = tile.free;
    const rows = Math.floor(count / columns);
    const rest = count - rows * columns;
    if (rows > 0)
      this.emit.emit(records.dmaCopy, {
        dst: out.slice(0, at, at + rows * columns).reshape([rows, columns]),
        src: tile.slice(0, 0, rows),
      });
    if (rest > 0)
      this.emit.emit(records.dmaCopy, {
        dst: out.slice(0, at + rows * columns, at + count).reshape([1, rest]),
        src: tile.slice(0, rows, rows + 1).slice(1, 0, rest),
      });
  }

  /** The state after `blocks` blocks. */
  advance(out: View, blocks: number): void {
    const [low, high] = this.counter(this.one(blocks));
    [this.word(0), this.word(1), low, high].forEach((word, i) => {
      this.emit.emit(records.dmaCopy, {
        dst: out.slice(0, i, i + 1).reshape([1, 1]),
        src: word.slice(0, 0, 1),
      });
    });
  }
}
