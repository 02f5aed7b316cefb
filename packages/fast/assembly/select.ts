// Where the elements of a selecting instruction come from: range_select and select_reduce produce a chunk of fp32 values here, and the
// pipeline stores and reduces it.
import { Operand, operandOf } from "./operand";
import { chunkAt, tailAt } from "./layout";
import { fetch, fetchStep, repeat } from "./read";
import { aluChunk } from "./alu";

/** Operand structs: the tile to select from, the predicate, the value elsewhere, and the two bounds. */
const TRUE_SLOT: i32 = 1;
export const PREDICATE_SLOT: i32 = 6;
export const FALSE_SLOT: i32 = 7;
export const BOUND0_SLOT: i32 = 8;
export const BOUND1_SLOT: i32 = 9;

let compare0: i32 = 0;
let compare1: i32 = 0;
let rangeStart: i32 = 0;
let rowLength: u32 = 1;
let reversed: bool = false;

export function setRange(op0: i32, op1: i32, start: i32, free: u32): void {
  compare0 = op0;
  compare1 = op1;
  rangeStart = start;
  rowLength = free;
}
export function setReversed(reverse: bool): void { reversed = reverse; }

/** Elements e .. e + n - 1 of `op` at `buffer` or where they lie; a repeated value is spread out. */
function values(op: Operand, e: u32, n: i32, buffer: usize): usize {
  const at = fetch(op, e, n, buffer);
  if (fetchStep == 0) repeat(at, n);
  return at;
}

/** Whole vectors of on_true where `mask` holds and of on_false elsewhere; the last vector may be partly meaningless. */
@inline function choose(out: usize, mask: v128, yes: usize, no: usize): void {
  v128.store(out, v128.bitselect(v128.load(yes), v128.load(no), mask));
}

/** Copies to a chunk buffer what lies in memory, so that whole vectors can be read past the end. */
function padded(at: usize, buffer: usize, n: i32): usize {
  if (at == buffer || (n & 3) == 0) return at;
  memory.copy(buffer, at, <usize>n << 2);
  return buffer;
}

/** Elements e .. (one partition's) whose index, rangeStart + position in the row, passes both comparisons; else on_false. At `out`. */
export function rangeChunk(e: u32, n: i32, out: usize): void {
  const partition = e / rowLength;
  const position = <i32>(e - partition * rowLength) + rangeStart;
  const bound0 = v128.load32_splat(fetch(operandOf(BOUND0_SLOT), partition, 1, chunkAt(2)));
  const bound1 = v128.load32_splat(fetch(operandOf(BOUND1_SLOT), partition, 1, chunkAt(2)));
  const yes = padded(values(operandOf(TRUE_SLOT), e, n, chunkAt(0)), chunkAt(0), n);
  const no = padded(values(operandOf(FALSE_SLOT), e, n, chunkAt(1)), chunkAt(1), n);
  const indices = chunkAt(5);
  const passed = chunkAt(6);
  for (let i = 0; i < n; i += 4) {
    const index = i32x4.add(i32x4.splat(position + i), i32x4(0, 1, 2, 3));
    v128.store(indices + (<usize>i << 2), f32x4.convert_i32x4_s(index));
  }
  v128.store(tailAt(11), bound0);
  v128.store(tailAt(12), bound1);
  aluChunk(compare0, passed, indices, 16, tailAt(11), 0, n);
  aluChunk(compare1, indices, indices, 16, tailAt(12), 0, n);
  for (let at: usize = 0; at < <usize>n << 2; at += 16) {
    const both = v128.and(v128.load(passed + at), v128.load(indices + at));
    choose(out + at, i32x4.ne(both, i32x4.splat(0)), yes + at, no + at);
  }
}

/** Elements e .. of on_true where the predicate is not zero (or is, when reversed), else of on_false. At `out`. */
export function predicateChunk(e: u32, n: i32, out: usize): void {
  const predicate = padded(values(operandOf(PREDICATE_SLOT), e, n, chunkAt(2)), chunkAt(2), n);
  const yes = padded(values(operandOf(TRUE_SLOT), e, n, chunkAt(0)), chunkAt(0), n);
  const no = padded(values(operandOf(FALSE_SLOT), e, n, chunkAt(1)), chunkAt(1), n);
  for (let i: usize = 0; i < <usize>n << 2; i += 16) {
    const set = f32x4.ne(v128.load(predicate + i), i32x4.splat(0));
    choose(out + i, reversed ? v128.not(set) : set, yes + i, no + i);
  }
}
