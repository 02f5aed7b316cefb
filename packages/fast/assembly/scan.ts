// Recurrences along the free dimension: tensor_tensor_scan and tensor_scalar_cumulative. Four partitions at a time in the lanes of the state.
import { Operand, countOf, parse } from "./operand";
import { ROW_CHUNK, chunkAt, rowAt, tailAt } from "./layout";
import { guard } from "./move";
import { fetch, fetchStep, readable, repeat } from "./read";
import { commit } from "./write";
import { aluChunk, applyAny, isArithmetic, isUnary } from "./alu";
import { Add, Multiply } from "./operations";
import { BAD_DTYPE, BAD_OP, BAD_SHAPE, NO_ROOM, OK } from "./status";
import { ALU_add, ALU_bypass, ALU_multiply } from "../generated/tables";

/** Row r (0..3) of the first and of the second input of the block in flight. */
@inline function firstRow(r: i32): usize { return rowAt(r); }
@inline function secondRow(r: i32): usize { return rowAt(4 + r); }

/** Replaces columns i .. i + 3 of four rows by their transposition: row r holds what lane r of four columns held, and back. */
@inline function turn(row: usize, i: usize): void {
  // Rows are equally spaced, so one base address reaches all four.
  const step = rowAt(1) - rowAt(0);
  const a = v128.load(row + i), b = v128.load(row + step + i), c = v128.load(row + 2 * step + i), d = v128.load(row + 3 * step + i);
  const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5), cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const abHigh = v128.shuffle<f32>(a, b, 2, 6, 3, 7), cdHigh = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(row + i, v128.shuffle<f64>(ab, cd, 0, 2));
  v128.store(row + step + i, v128.shuffle<f64>(ab, cd, 1, 3));
  v128.store(row + 2 * step + i, v128.shuffle<f64>(abHigh, cdHigh, 0, 2));
  v128.store(row + 3 * step + i, v128.shuffle<f64>(abHigh, cdHigh, 1, 3));
}

/** state = state0 data0 + data1 along n columns, the linear recurrence, results over data0. */
function linear(n: i32, state: usize): void {
  let s = v128.load(state);
  for (let i = 0; i < n; i += 4) {
    const at = <usize>i << 2;
    turn(firstRow(0), at);
    turn(secondRow(0), at);
    for (let r = 0; r < 4; r++) {
      if (i + r >= n) break;
      const product = changetype<Multiply>(0).of(v128.load(firstRow(r) + at), s);
      s = changetype<Add>(0).of(product, v128.load(secondRow(r) + at));
      v128.store(firstRow(r) + at, s);
    }
    turn(firstRow(0), at);
  }
  v128.store(state, s);
}

/** state = op1(op0(data0, state), data1) with either pair of operands exchanged, along n columns, results over data0. */
function general(n: i32, state: usize, op0: i32, reverse0: bool, op1: i32, reverse1: bool): void {
  let s = v128.load(state);
  for (let i = 0; i < n; i += 4) {
    const at = <usize>i << 2;
    turn(firstRow(0), at);
    turn(secondRow(0), at);
    for (let r = 0; r < 4; r++) {
      if (i + r >= n) break;
      const a = v128.load(firstRow(r) + at);
      const b = v128.load(secondRow(r) + at);
      const t = reverse0 ? applyAny(op0, s, a) : applyAny(op0, a, s);
      s = reverse1 ? applyAny(op1, b, t) : applyAny(op1, t, b);
      v128.store(firstRow(r) + at, s);
    }
    turn(firstRow(0), at);
  }
  v128.store(state, s);
}

/** Elements e .. e + n - 1 of `op`, spread out at `buffer`. */
function dense(op: Operand, e: u32, n: i32, buffer: usize): void {
  const at = fetch(op, e, n, buffer);
  if (at != buffer) memory.copy(buffer, at, <usize>n << 2);
  else if (fetchStep == 0) repeat(buffer, n);
}

/**
 * dst[i] = state = op1(op0(x[i], state), data1[i]) per partition, where x = data0, or data0 preOp operand. Reverse flags exchange the two
 * arguments of an operation. Without data1 (0), op1 must be bypass. The state starts at descriptor `initialAt` (fp32, one value a
 * partition) and its last value goes to descriptor `finalAt` unless that is 0.
 */
export function scan(
  dstAt: usize, data0At: usize, preOp: i32, operandAt: usize, preReverse: i32,
  op0: i32, reverse0: i32, data1At: usize, op1: i32, reverse1: i32, initialAt: usize, finalAt: usize,
): i32 {
  const dst = parse(0, dstAt, 1);
  const data0 = parse(1, data0At, 1);
  const data1 = parse(2, data1At == 0 ? data0At : data1At, 1);
  const initial = parse(3, initialAt, 0);
  const partitions = countOf(dst, 0);
  if (!isArithmetic(op0) || !isArithmetic(op1) || (data1At == 0 && op1 != ALU_bypass)) return BAD_OP;
  if (preOp >= 0 && !isArithmetic(preOp)) return BAD_OP;
  if (dst.total != data0.total || dst.total != data1.total || initial.total != partitions) return BAD_SHAPE;
  if (!readable(dst.dtype) || !readable(data0.dtype) || !readable(data1.dtype)) return BAD_DTYPE;
  if (!guard(data0, dst, true) || !guard(data1, dst, true) || !guard(initial, dst, false)) return NO_ROOM;
  const binary = preOp >= 0 && !isUnary(preOp);
  const operand = parse(4, binary ? operandAt : data0At, 1);
  if (operand.total != dst.total) return BAD_SHAPE;
  if (!guard(operand, dst, true)) return NO_ROOM;
  const last = parse(5, finalAt == 0 ? initialAt : finalAt, 0);
  if (last.total != partitions) return BAD_SHAPE;

  const free = dst.total / <u32>partitions;
  const state = tailAt(9);
  for (let p = 0; p < partitions; p += 4) {
    const rows = min(4, partitions - p);
    memory.fill(state, 0, 16);
    memory.copy(state, fetch(initial, p, rows, chunkAt(0)), <usize>rows << 2);
    for (let f: u32 = 0; f < free; f += ROW_CHUNK) {
      const n = <i32>min<u32>(ROW_CHUNK, free - f);
      for (let r = 0; r < rows; r++) {
        const e = <u32>(p + r) * free + f;
        dense(data0, e, n, firstRow(r));
        if (preOp >= 0) before(preOp, preReverse != 0, operand, binary, e, n, firstRow(r));
        if (data1At != 0) dense(data1, e, n, secondRow(r));
      }
      if (op0 == ALU_multiply && op1 == ALU_add && data1At != 0) linear(n, state);
      else general(n, state, op0, reverse0 != 0, op1, reverse1 != 0);
      for (let r = 0; r < rows; r++) commit(dst, <u32>(p + r) * free + f, n, firstRow(r));
    }
    if (finalAt != 0) commit(last, p, rows, state);
  }
  return OK;
}

/** values = values op operand, in place. */
function before(op: i32, reverse: bool, operand: Operand, binary: bool, e: u32, n: i32, values: usize): void {
  if (!binary) {
    aluChunk(op, values, values, 16, values, 16, n);
    return;
  }
  const b = fetch(operand, e, n, chunkAt(0));
  if (reverse) aluChunk(op, values, b, fetchStep, values, 16, n);
  else aluChunk(op, values, values, 16, b, fetchStep, n);
}
