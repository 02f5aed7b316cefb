/**
 * The region of a memory that holds what a prepared Program needs to run: commands grow from its start, descriptors, numbers and tables from
 * its end. Equal static descriptors are kept once, because thousands of instructions share constants and tiles.
 */
import { invariant, OpenTrnError } from "@opentrn/base";
import { type Call, type CommandName, commandArity, commandNumber } from "./commands.ts";

export type DescriptorDims = readonly (readonly [stride: number, count: number])[];

/** Where one operand goes at run time; all in bytes but `stride`, `low` and `high`, which are elements. */
export interface MovingOperand {
  /** Descriptor whose address word is rewritten. */
  readonly descriptor: number;
  /** Address for index 0. */
  readonly base: number;
  /** Address of the index, or of a table of each row's index address; absent for rows at fixed steps. */
  readonly index?: number;
  /** Number of the index's type; ignored without index. */
  readonly dtype: number;
  /** Bytes an index (or row) step. */
  readonly step: number;
  readonly stride: number;
  /** Lowest and highest shift in elements that stays inside the tensor. */
  readonly low: number;
  readonly high: number;
}

const RECORD_WORDS = 10;
const STATIC = -1;

export class BindingArea {
  readonly words: Int32Array;
  private readonly floats: Float32Array;
  private command: number;
  private top: number;
  /** Open-addressed table of shared descriptors: their addresses, 0 for none. */
  private table = new Uint32Array(1024);
  private entries = 0;
  private scratchAt = 0;
  private scratchBytes = 0;
  private readonly numbers = new Map<number, number>();

  /** Takes `[start, end)` of `memory`, multiples of 8. */
  constructor(memory: WebAssembly.Memory, start: number, end: number) {
    invariant(start % 8 === 0 && end % 8 === 0, "a binding area is 8-byte aligned");
    this.words = new Int32Array(memory.buffer);
    this.floats = new Float32Array(memory.buffer);
    this.command = start;
    this.top = end;
  }

  /** Address of the next command. */
  get next(): number {
    return this.command;
  }

  private full(): never {
    throw new OpenTrnError(
      "this Program has more instructions than fit beside its tensors in 4 GiB of host memory; use --timing-only, or split it",
      { category: "capacity", rule: "host memory" },
    );
  }

  /** Room for `bytes`, 8-byte aligned. */
  allocate(bytes: number): number {
    const at = this.top - Math.ceil(bytes / 8) * 8;
    if (at < this.command) this.full();
    this.top = at;
    return at;
  }

  /** Address of one fp32 number. */
  number(value: number): number {
    // -0 and 0 are one key of a Map, and NaN equals itself there.
    const known = Object.is(value, -0) ? undefined : this.numbers.get(value);
    if (known !== undefined) return known;
    const at = this.allocate(8);
    this.floats[at >>> 2] = value;
    if (!Object.is(value, -0)) this.numbers.set(value, at);
    return at;
  }

  /** Address of 32 bits. */
  bits(value: number): number {
    const at = this.allocate(8);
    this.words[at >>> 2] = value;
    return at;
  }

  /**
   * Room that every instruction may use while it runs. Grows at least by a factor of two, so that all of it together is at most four times
   * the largest request.
   */
  scratch(bytes: number): number {
    if (bytes > this.scratchBytes) {
      this.scratchBytes = Math.max(bytes, 2 * this.scratchBytes);
      this.scratchAt = this.allocate(this.scratchBytes);
    }
    return this.scratchAt;
  }

  /** A descriptor that others may share: nobody changes it. */
  descriptor(address: number, dtype: number, dims: DescriptorDims): number {
    if (this.entries * 2 >= this.table.length) this.grow();
    const top = this.top;
    const at = this.ownDescriptor(address, dtype, dims);
    const slot = this.slotOf(at);
    const known = this.table[slot]!;
    if (known !== 0) {
      this.top = top;
      return known;
    }
    this.table[slot] = at;
    this.entries++;
    return at;
  }

  /** A descriptor of one's own, whose address may be rewritten. */
  ownDescriptor(address: number, dtype: number, dims: DescriptorDims): number {
    const at = this.allocate(12 + 8 * dims.length);
    const w = at >>> 2;
    this.words[w] = address;
    this.words[w + 1] = dtype;
    this.words[w + 2] = dims.length;
    for (let i = 0; i < dims.length; i++) {
      this.words[w + 3 + 2 * i] = dims[i]![0];
      this.words[w + 4 + 2 * i] = dims[i]![1];
    }
    return at;
  }

  /** Where the table has a descriptor equal to the one at `at`, or the free slot for it. */
  private slotOf(at: number): number {
    const { words, table } = this;
    const w = at >>> 2;
    const length = 3 + 2 * words[w + 2]!;
    let hash = 0;
    for (let i = 0; i < length; i++) {
      hash = Math.imul(hash ^ words[w + i]!, 0x85ebca6b);
      hash ^= hash >>> 15;
    }
    const mask = table.length - 1;
    let slot = Math.imul(hash, 0xc2b2ae35) >>> 4;
    for (slot &= mask; table[slot] !== 0; slot = (slot + 1) & mask) {
      const other = table[slot]! >>> 2;
      let i = 0;
      while (i < length && words[other + i] === words[w + i]) i++;
      if (i === length) break;
    }
    return slot;
  }

  private grow(): void {
    const old = this.table;
    this.table = new Uint32Array(old.length * 2);
    for (const at of old) if (at !== 0) this.table[this.slotOf(at)] = at;
  }

  /** Appends the commands of one instruction. */
  append(calls: readonly Call[]): void {
    for (const { kernel, args } of calls) this.put(kernel, args);
  }

  /** Appends commands whose operands are put where an index says first; with `skip`, an index outside leaves the instruction out. */
  appendMoving(moving: readonly MovingOperand[], skip: boolean, calls: readonly Call[]): void {
    const room = (kernel: CommandName): number => 4 * (1 + commandArity[kernel]);
    const rest = calls.reduce((n, c) => n + room(c.kernel), 0);
    moving.forEach((m, i) => {
      const behind = rest + (moving.length - 1 - i) * room("at");
      const at = this.head("at", room("at"));
      this.words[at >>> 2] = skip ? behind : 0;
      this.record(at + 4, m);
    });
    this.append(calls);
  }

  /** Appends commands that run once for each of `count` rows; with `skip`, rows outside are left out. */
  appendRows(
    count: number,
    moving: readonly MovingOperand[],
    skip: boolean,
    calls: readonly Call[],
  ): void {
    const before = 4 * (5 + RECORD_WORDS * moving.length);
    const inner = calls.reduce((n, c) => n + 4 * (1 + commandArity[c.kernel]), 0);
    const at = this.head("rows", before + inner);
    this.command = at - 4 + before;
    const w = at >>> 2;
    this.words[w] = count;
    this.words[w + 1] = moving.length;
    this.words[w + 2] = skip ? 1 : 0;
    this.words[w + 3] = before;
    moving.forEach((m, i) => {
      this.record(at + 16 + 4 * RECORD_WORDS * i, m);
    });
    this.append(calls);
  }

  /** A table of 32-bit words. */
  words32(values: ArrayLike<number>): number {
    const at = this.allocate(4 * values.length);
    this.words.set(values, at >>> 2);
    return at;
  }

  /** Writes a command's head and moves on by its length; the address of its arguments. */
  private head(kernel: CommandName, bytes: number): number {
    const at = this.command;
    if (at + bytes > this.top) this.full();
    this.words[at >>> 2] = bytes * 256 + commandNumber(kernel);
    this.command = at + bytes;
    return at + 4;
  }

  private put(kernel: CommandName, args: readonly number[]): void {
    invariant(
      args.length === commandArity[kernel],
      `${kernel} takes ${commandArity[kernel]} arguments, not ${args.length}`,
    );
    const w = this.head(kernel, 4 * (1 + args.length)) >>> 2;
    for (let i = 0; i < args.length; i++) this.words[w + i] = args[i]!;
  }

  private record(at: number, m: MovingOperand): void {
    const w = at >>> 2;
    const long = (from: number, value: number): void => {
      this.words[from] = value | 0;
      this.words[from + 1] = Math.floor(value / 2 ** 32);
    };
    this.words[w] = m.descriptor;
    this.words[w + 1] = m.base;
    this.words[w + 2] = m.index ?? 0;
    this.words[w + 3] = m.index === undefined ? STATIC : m.dtype;
    this.words[w + 4] = m.step;
    this.words[w + 5] = m.stride;
    long(w + 6, m.low);
    long(w + 8, m.high);
  }
}
