// Operands: the caller's descriptors read into normal form, and the question whether two of them share bytes.
//
// A descriptor is int32 words: address, dtype, rank (1..5), then (stride in bytes, count) per dimension, outermost first.
import { clearStaging, operandAt, stage } from "./layout";
import { K_dtypeBytes } from "../generated/tables";

/** A strided array: `lead` leading dimensions as given, the others without size-1 dimensions and merged where they run on. */
@unmanaged export class Operand {
  address: usize;
  dtype: i32;
  /** Bytes of one element. */
  bytes: i32;
  rank: i32;
  /** Elements in all. */
  total: u32;
  /** Count and stride (bytes) of the innermost dimension. */
  run: i32;
  step: i32;
  /** Bytes touched, relative to `address`: first, and one past the last; also without dimension 0. */
  low: i64;
  high: i64;
  rowLow: i64;
  rowHigh: i64;
  /** A position: element number, address of element 0 of its run, and the element within the run. Moved by `seek`. */
  element: u32;
  at: usize;
  within: i32;
}

/** Offsets in the struct of the (stride, count) pairs, and of the position's index in each dimension but the last. */
const DIMENSIONS: usize = 96;
const INDICES: usize = 136;
@inline export function strideOf(op: Operand, d: i32): i32 { return load<i32>(changetype<usize>(op) + DIMENSIONS + (<usize>d << 3)); }
@inline export function countOf(op: Operand, d: i32): i32 { return load<i32>(changetype<usize>(op) + DIMENSIONS + (<usize>d << 3), 4); }
@inline function setDimension(op: Operand, d: i32, stride: i32, count: i32): void {
  store<i32>(changetype<usize>(op) + DIMENSIONS + (<usize>d << 3), stride);
  store<i32>(changetype<usize>(op) + DIMENSIONS + (<usize>d << 3), count, 4);
}
@inline export function bytesOf(dtype: i32): i32 { return load<u8>(K_dtypeBytes + dtype); }

/** Reads the descriptor at `descriptor` into operand struct `slot`. Call with slot 0 first: it starts a new operation. */
export function parse(slot: i32, descriptor: usize, lead: i32): Operand {
  if (slot == 0) clearStaging();
  const op = changetype<Operand>(operandAt(slot));
  op.address = load<u32>(descriptor);
  op.dtype = load<i32>(descriptor, 4);
  op.bytes = bytesOf(op.dtype);
  const rank = load<i32>(descriptor, 8);
  let out = 0;
  let total = 1;
  for (let i = 0; i < rank; i++) {
    const stride = load<i32>(descriptor + (<usize>i << 3), 12);
    const count = load<i32>(descriptor + (<usize>i << 3), 16);
    total *= count;
    if (out >= lead && i >= lead) {
      if (count == 1) continue;
      if (out > lead && strideOf(op, out - 1) == stride * count) {
        setDimension(op, out - 1, stride, count * countOf(op, out - 1));
        continue;
      }
    }
    setDimension(op, out++, stride, count);
  }
  if (out == 0 || out == lead) setDimension(op, out++, op.bytes, 1);
  op.total = total;
  finish(op, out);
  return op;
}

/** Operand struct number `slot`. */
@inline export function operandOf(slot: i32): Operand { return changetype<Operand>(operandAt(slot)); }

/** Sets what follows from the dimensions. */
function finish(op: Operand, rank: i32): void {
  op.rank = rank;
  op.run = countOf(op, rank - 1);
  op.step = strideOf(op, rank - 1);
  let low: i64 = 0;
  let high: i64 = op.bytes;
  for (let d = rank - 1; d >= 0; d--) {
    const reach = <i64>strideOf(op, d) * (countOf(op, d) - 1);
    if (d == 0) {
      op.rowLow = low;
      op.rowHigh = high;
    }
    if (reach < 0) low += reach;
    else high += reach;
  }
  op.low = low;
  op.high = high;
  rewind(op);
}

@inline function indexOf(op: Operand, d: i32): i32 { return load<i32>(changetype<usize>(op) + INDICES + (<usize>d << 2)); }
@inline function setIndex(op: Operand, d: i32, i: i32): void { store<i32>(changetype<usize>(op) + INDICES + (<usize>d << 2), i); }

function rewind(op: Operand): void {
  op.element = 0;
  op.at = op.address;
  op.within = 0;
  for (let d = op.rank - 2; d >= 0; d--) setIndex(op, d, 0);
}

/** Puts the position of `op` on element `e`, counting in row-major order. Going on from where it is needs no division. */
export function seek(op: Operand, e: u32): void {
  if (e == op.element) return;
  const ahead = e - op.element;
  op.element = e;
  const left = <u32>(op.run - op.within);
  if (ahead < left) {
    op.within += ahead;
    return;
  }
  if (ahead == left) {
    nextRun(op);
    return;
  }
  let rest = e / <u32>op.run;
  op.within = <i32>(e - rest * <u32>op.run);
  let at = op.address;
  for (let d = op.rank - 2; d >= 0; d--) {
    const count = <u32>countOf(op, d);
    const outer = rest / count;
    const i = <i32>(rest - outer * count);
    setIndex(op, d, i);
    at += i * strideOf(op, d);
    rest = outer;
  }
  op.at = at;
}

/** Moves the position to the start of the next run; `element` is the caller's to set. */
export function nextRun(op: Operand): void {
  op.within = 0;
  for (let d = op.rank - 2; d >= 0; d--) {
    const i = indexOf(op, d) + 1;
    const stride = strideOf(op, d);
    if (i < countOf(op, d)) {
      setIndex(op, d, i);
      op.at += stride;
      return;
    }
    setIndex(op, d, 0);
    op.at -= (i - 1) * stride;
  }
}

/** Address of the element at the position. */
@inline export function here(op: Operand): usize { return op.at + op.within * op.step; }

/** Whether `a` and `b` may share a byte. Exact for arrays whose dimension 0 has the same stride (tiles of one on-chip memory). */
export function overlap(a: Operand, b: Operand): bool {
  if (a.total == 0 || b.total == 0) return false;
  const between = <i64>a.address - <i64>b.address;
  if (between + a.high <= b.low || between + a.low >= b.high) return false;
  const pitch = strideOf(a, 0);
  if (a.rank == 0 || b.rank == 0 || pitch != strideOf(b, 0) || pitch <= 0) return true;
  // Row i of a and row j of b: the distance is between + (i - j) pitch, with i - j within the counts.
  const most = countOf(a, 0) - 1;
  const least = 1 - countOf(b, 0);
  // Rows share bytes for distances in (b.rowLow - a.rowHigh, b.rowHigh - a.rowLow).
  let d = <i32>((b.rowLow - a.rowHigh - between) / pitch) - 1;
  if (d < least) d = least;
  for (let i = 0; i < 6 && d <= most; i++, d++) {
    const distance = between + <i64>d * pitch;
    if (distance + a.rowHigh > b.rowLow && distance + a.rowLow < b.rowHigh) return true;
  }
  return wide(a, pitch) || wide(b, pitch);
}

/** Whether rows reach into each other, so that the six distances tried are not all there are. */
function wide(op: Operand, pitch: i32): bool { return op.rowHigh - op.rowLow > pitch; }

/** Whether element i of one has the same address as element i of the other, for all i. */
export function sameLayout(a: Operand, b: Operand): bool {
  if (a.address != b.address || a.rank != b.rank || a.bytes != b.bytes) return false;
  for (let d = 0; d < a.rank; d++)
    if (strideOf(a, d) != strideOf(b, d) || countOf(a, d) != countOf(b, d)) return false;
  return true;
}

/** The same shape as `op`, dense, in the staging area; false when that is too small. */
export function restage(op: Operand): bool {
  const address = stage(<usize>op.total * op.bytes);
  if (address == 0) return false;
  op.address = address;
  let stride = op.bytes;
  for (let d = op.rank - 1; d >= 0; d--) {
    const count = countOf(op, d);
    setDimension(op, d, stride, count);
    stride *= count;
  }
  finish(op, op.rank);
  return true;
}
