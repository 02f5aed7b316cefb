// Reductions over trailing free dimensions and over partitions. Sequential and ascending from the identity, in fp32.
import { Operand, parse } from "./operand";
import { CHUNK, ROWS, ROW_CHUNK, chunkAt, rowAt, tailAt } from "./layout";
import { guard } from "./move";
import { fetch, fetchStep, readable, repeat } from "./read";
import { commit } from "./write";
import { aluChunk, identity, isArithmetic } from "./alu";
import { accumulateRows } from "./rows";
import { BAD_DTYPE, BAD_OP, BAD_SHAPE, NO_ROOM, OK } from "./status";
import { ALU_multiply } from "../generated/tables";

@inline function pointers(): usize { return tailAt(8); }
@inline function sums(): usize { return tailAt(9); }
@inline function setPointer(r: i32, at: usize): void { store<u32>(pointers() + (<usize>r << 2), at); }

function startSums(op: i32): void {
  v128.store(sums(), identity(op));
  v128.store(sums(), identity(op), 16);
}

/** The sums of `rows` outputs from `o` on, negated if asked, into dst. */
function finish(dst: Operand, o: u32, rows: i32, negate: bool): void {
  if (negate) {
    v128.store(tailAt(10), f32x4.splat(-1));
    aluChunk(ALU_multiply, sums(), sums(), 16, tailAt(10), 0, ROWS);
  }
  commit(dst, o, rows, sums());
}

/** Each element of dst is the reduction of as many consecutive elements of data; `negate` multiplies the result by -1. */
export function tensorReduce(op: i32, dstAt: usize, dataAt: usize, negate: i32): i32 {
  const dst = parse(0, dstAt, 0);
  const data = parse(1, dataAt, 0);
  if (!isArithmetic(op)) return BAD_OP;
  if (!readable(dst.dtype) || !readable(data.dtype)) return BAD_DTYPE;
  if (dst.total == 0 || data.total % dst.total != 0) return BAD_SHAPE;
  if (!guard(data, dst, false)) return NO_ROOM;
  const length = data.total / dst.total;
  if (length <= <u32>(CHUNK / ROWS)) {
    shortRows(op, dst, data, <i32>length, negate != 0);
    return OK;
  }
  for (let o: u32 = 0; o < dst.total; o += ROWS) {
    const rows = <i32>min<u32>(ROWS, dst.total - o);
    startSums(op);
    for (let e: u32 = 0; e < length; e += ROW_CHUNK) {
      const n = <i32>min<u32>(ROW_CHUNK, length - e);
      for (let r = 0; r < ROWS; r++) {
        const at = r < rows ? fetch(data, (o + r) * length + e, n, rowAt(r)) : <usize>load<u32>(pointers());
        if (r < rows && fetchStep == 0) repeat(at, n);
        setPointer(r, at);
      }
      accumulateRows(op, pointers(), sums(), n);
    }
    finish(dst, o, rows, negate != 0);
  }
  return OK;
}

/** Rows so short that several groups of eight fit one chunk. */
function shortRows(op: i32, dst: Operand, data: Operand, length: i32, negate: bool): void {
  const group = <u32>(CHUNK / length) & ~(ROWS - 1);
  for (let o: u32 = 0; o < dst.total; o += group) {
    const rows = <i32>min<u32>(group, dst.total - o);
    const values = fetch(data, o * length, rows * length, chunkAt(0));
    if (fetchStep == 0) repeat(values, rows * length);
    for (let first = 0; first < rows; first += ROWS) {
      const here = min(ROWS, rows - first);
      for (let r = 0; r < ROWS; r++) setPointer(r, values + (<usize>((first + min(r, here - 1)) * length) << 2));
      startSums(op);
      accumulateRows(op, pointers(), sums(), length);
      finish(dst, o + first, here, negate);
    }
  }
}

/** dst[0, f] is the reduction of data[p, f] over ascending partitions p. */
export function partitionReduce(op: i32, dstAt: usize, dataAt: usize): i32 {
  const dst = parse(0, dstAt, 0);
  const data = parse(1, dataAt, 0);
  if (!isArithmetic(op)) return BAD_OP;
  if (!readable(dst.dtype) || !readable(data.dtype)) return BAD_DTYPE;
  if (dst.total == 0 || data.total % dst.total != 0) return BAD_SHAPE;
  if (!guard(data, dst, false)) return NO_ROOM;
  const partitions = data.total / dst.total;
  const sum = chunkAt(1);
  for (let f: u32 = 0; f < dst.total; f += CHUNK) {
    const n = <i32>min<u32>(CHUNK, dst.total - f);
    v128.store(sum, identity(op));
    repeat(sum, n);
    for (let p: u32 = 0; p < partitions; p++) {
      const values = fetch(data, p * dst.total + f, n, chunkAt(0));
      aluChunk(op, sum, sum, 16, values, fetchStep, n);
    }
    commit(dst, f, n, sum);
  }
  return OK;
}
