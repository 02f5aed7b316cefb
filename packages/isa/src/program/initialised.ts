/**
 * Which bytes of every storage have been written, followed in program order while a Program is built. Reading a byte that no
 * instruction wrote is an error on the spot, with the reader's line. Run-time addressed writes count for their whole reach.
 */
import { bytesOf } from "@opentrn/numerics";
import { type AccessPattern, forRuns, type Storage } from "./pattern.ts";

/** An HBM tensor of more bytes is not followed byte by byte once it is written in pieces (docs/memory.md). */
const MAX_TRACKED_BYTES = 2 ** 26;

/** Patterns remembered as written, for each tensor: kernels use the same few over and over. */
const REMEMBERED = 8;

/** A tensor that is written in pieces: one bit a byte in HBM, one 32-partition mask a byte of a row on chip. */
interface Pieces {
  readonly marks: Uint32Array | readonly Uint32Array[];
  /** Bytes (times partitions) not written yet. */
  missing: number;
  /** Patterns that lie wholly inside what was written; writing only adds, so they stay true. */
  readonly written: AccessPattern[];
  next: number;
}

type State = "none" | "all" | "untracked" | Pieces;

export class Initialised {
  private readonly states = new Map<number, State>();

  declare(s: Storage, shared: boolean): void {
    const known = s.kind === "input" || s.kind === "constant";
    this.states.set(s.id, known ? "all" : shared && s.space === "hbm" ? "untracked" : "none");
  }

  /** Whether anything was ever written. */
  touched(s: Storage): boolean {
    return this.states.get(s.id) !== "none";
  }

  write(s: Storage, p: AccessPattern): void {
    let state = this.states.get(s.id)!;
    if (state === "all" || state === "untracked") return;
    if (p.dynamic || coversAll(s, p)) {
      this.states.set(s.id, "all");
      return;
    }
    if (state === "none") {
      if (s.space === "hbm" && s.rowBytes > MAX_TRACKED_BYTES) {
        this.states.set(s.id, "untracked");
        return;
      }
      state = piecesOf(s);
      this.states.set(s.id, state);
    }
    if (remembers(state, p)) return;
    if (state.marks instanceof Uint32Array) markBytes(state, state.marks, p);
    else for (let q = 0; q < state.marks.length; q++) markQuadrant(state, state.marks[q]!, p, q);
    remember(state, p);
    if (state.missing === 0) this.states.set(s.id, "all");
  }

  /** The first unwritten byte of a read as `[partition, byte]`, or undefined when all of it was written. */
  read(s: Storage, p: AccessPattern): readonly [partition: number, byte: number] | undefined {
    const state = this.states.get(s.id)!;
    if (state === "all" || state === "untracked") return undefined;
    if (state === "none") return [p.partition, p.offset * bytesOf(p.dtype)];
    if (p.dynamic || remembers(state, p)) return undefined;
    const missing =
      state.marks instanceof Uint32Array
        ? firstUnmarked(state.marks, p)
        : firstLacking(state.marks, p);
    if (!missing) remember(state, p);
    return missing;
  }
}

function piecesOf(s: Storage): Pieces {
  const marks =
    s.space === "hbm"
      ? new Uint32Array(Math.ceil(s.rowBytes / 32))
      : Array.from({ length: Math.ceil(s.partitions / 32) }, () => new Uint32Array(s.rowBytes));
  return { marks, missing: s.rowBytes * s.partitions, written: [], next: 0 };
}

function remembers(state: Pieces, p: AccessPattern): boolean {
  for (const w of state.written) if (samePlaces(w, p)) return true;
  return false;
}

function remember(state: Pieces, p: AccessPattern): void {
  state.written[state.next] = p;
  state.next = (state.next + 1) % REMEMBERED;
}

function samePlaces(a: AccessPattern, b: AccessPattern): boolean {
  if (a.offset !== b.offset || a.partition !== b.partition || a.dtype !== b.dtype) return false;
  if (a.dims.length !== b.dims.length) return false;
  for (let d = 0; d < a.dims.length; d++)
    if (a.dims[d]![0] !== b.dims[d]![0] || a.dims[d]![1] !== b.dims[d]![1]) return false;
  return true;
}

/** Bits [from, to) of a word. */
const bitsIn = (from: number, to: number): number =>
  to - from === 32 ? 0xffffffff : (((1 << (to - from)) - 1) << from) >>> 0;

/** Sets the bits of a word; returns how many were not set. */
function mark(marks: Uint32Array, word: number, bits: number): number {
  const old = marks[word]!;
  const fresh = (bits & ~old) >>> 0;
  if (fresh === 0) return 0;
  marks[word] = (old | bits) >>> 0;
  return fresh === ALL ? 32 : ones(fresh);
}

const ALL = 0xffffffff;

// Words between the ends of a run are the bulk of the work, so they have loops of their own.
function markBytes(state: Pieces, marks: Uint32Array, p: AccessPattern): void {
  forRuns(p, 0, (from, to) => {
    const first = from >>> 5;
    const last = (to - 1) >>> 5;
    const end = ((to - 1) & 31) + 1;
    let fresh = mark(marks, first, bitsIn(from & 31, first === last ? end : 32));
    for (let w = first + 1; w < last; w++)
      if (marks[w] === 0) {
        marks[w] = ALL;
        fresh += 32;
      } else fresh += mark(marks, w, ALL);
    if (last > first) fresh += mark(marks, last, bitsIn(0, end));
    state.missing -= fresh;
    return true;
  });
}

function markQuadrant(state: Pieces, mask: Uint32Array, p: AccessPattern, q: number): void {
  const bits = partitionBits(p, q);
  if (bits === 0) return;
  forRuns(p, 1, (from, to) => {
    for (let i = from; i < to; i++) {
      const fresh = (bits & ~mask[i]!) >>> 0;
      if (fresh === 0) continue;
      state.missing -= ones(fresh);
      mask[i] = (mask[i]! | bits) >>> 0;
    }
    return true;
  });
}

/** Number of set bits. */
function ones(bits: number): number {
  let n = bits - ((bits >>> 1) & 0x55555555);
  n = (n & 0x33333333) + ((n >>> 2) & 0x33333333);
  return Math.imul((n + (n >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

function firstUnmarked(marks: Uint32Array, p: AccessPattern): readonly [0, number] | undefined {
  let missing: readonly [0, number] | undefined;
  forRuns(p, 0, (from, to) => {
    const last = (to - 1) >>> 5;
    for (let w = from >>> 5; w <= last; w++) {
      if (marks[w] === ALL) continue;
      const bits = bitsIn(w === from >>> 5 ? from & 31 : 0, w === last ? ((to - 1) & 31) + 1 : 32);
      const lacking = (bits & ~marks[w]!) >>> 0;
      if (lacking === 0) continue;
      missing = [0, 32 * w + lowest(lacking)];
      return false;
    }
    return true;
  });
  return missing;
}

/** Position of the lowest set bit. */
const lowest = (bits: number): number => 31 - Math.clz32(bits & -bits);

function firstLacking(
  masks: readonly Uint32Array[],
  p: AccessPattern,
): readonly [partition: number, byte: number] | undefined {
  let missing: readonly [number, number] | undefined;
  masks.forEach((mask, q) => {
    const bits = partitionBits(p, q);
    if (bits === 0 || missing) return;
    forRuns(p, 1, (from, to) => {
      for (let i = from; i < to; i++) {
        const lacking = (bits & ~mask[i]!) >>> 0;
        if (lacking !== 0) {
          missing = [q * 32 + lowest(lacking), i];
          return false;
        }
      }
      return true;
    });
  });
  return missing;
}

/** The partitions of quadrant `q` that the pattern touches, as a bit mask. */
function partitionBits(p: AccessPattern, q: number): number {
  const [stride, count] = p.dims[0] ?? [1, 1];
  const from = p.partition - q * 32;
  const to = from + (stride === 0 ? 1 : count);
  if (to <= 0 || from >= 32) return 0;
  const lo = Math.max(from, 0);
  const hi = Math.min(to, 32);
  return (hi - lo === 32 ? 0xffffffff : ((1 << (hi - lo)) - 1) << lo) >>> 0;
}

function coversAll(s: Storage, p: AccessPattern): boolean {
  if (p.offset !== 0) return false;
  const onChip = s.space !== "hbm";
  if (onChip && (p.partition !== 0 || p.dims[0]![1] !== s.partitions || p.dims[0]![0] === 0))
    return false;
  let expect = 1;
  for (let i = p.dims.length - 1; i >= (onChip ? 1 : 0); i--) {
    const [stride, count] = p.dims[i]!;
    if (count !== 1 && stride !== expect) return false;
    expect *= count;
  }
  return expect * bytesOf(p.dtype) === s.rowBytes;
}
