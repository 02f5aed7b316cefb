// Bitvec operations on raw elements, and exact 32-bit integer arithmetic: packages/numerics/src/functions/alu.ts.
import { Operand, operandOf, parse } from "./operand";
import { CHUNK, chunkAt } from "./layout";
import { gather, guard, scatter } from "./move";
import { BAD_OP, BAD_SHAPE, NO_ROOM, OK } from "./status";
import {
  ALU_add, ALU_bitwise_and, ALU_bitwise_or, ALU_bitwise_xor, ALU_equal, ALU_greater, ALU_greater_equal, ALU_invert, ALU_left_shift,
  ALU_less, ALU_less_equal, ALU_maximum, ALU_minimum, ALU_multiply, ALU_not_equal, ALU_right_shift, ALU_subtract, I_int1,
} from "../generated/tables";

@inline function isBitvec(op: i32): bool { return op >= ALU_invert && op <= ALU_right_shift; }

@unmanaged class And { @inline of(a: v128, b: v128): v128 { return v128.and(a, b); } }
@unmanaged class Or { @inline of(a: v128, b: v128): v128 { return v128.or(a, b); } }
@unmanaged class Xor { @inline of(a: v128, b: v128): v128 { return v128.xor(a, b); } }
@unmanaged class Not { @inline of(a: v128, b: v128): v128 { return v128.not(a); } }

/** Whole vectors of packed elements; buffers are rounded up, so the last may be partly meaningless. */
function vectors<Op>(out: usize, a: usize, b: usize, bytes: i32): void {
  for (let i = 0; i < bytes; i += 16) v128.store(out + i, changetype<Op>(0).of(v128.load(a + i), v128.load(b + i)));
}

/** Shifts one element at a time; an amount of the width or more gives 0. */
@inline function shifts<T>(left: bool, out: usize, a: usize, b: usize, n: i32): void {
  for (let i = 0; i < n; i++) {
    const at = <usize>i * sizeof<T>();
    const x = <u32>load<T>(a + at);
    const by = <u32>load<T>(b + at);
    const y: u32 = by >= 8 * sizeof<T>() ? 0 : left ? x << by : x >> by;
    store<T>(out + at, <T>y);
  }
}
function shift(left: bool, out: usize, a: usize, b: usize, width: i32, n: i32): void {
  if (width == 4) shifts<u32>(left, out, a, b, n);
  else if (width == 2) shifts<u16>(left, out, a, b, n);
  else shifts<u8>(left, out, a, b, n);
}

/** n packed elements of `width` bytes: out = a op b. */
function bitsChunk(op: i32, out: usize, a: usize, b: usize, width: i32, n: i32): void {
  switch (op) {
    case ALU_bitwise_and: { vectors<And>(out, a, b, n * width); return; }
    case ALU_bitwise_or: { vectors<Or>(out, a, b, n * width); return; }
    case ALU_bitwise_xor: { vectors<Xor>(out, a, b, n * width); return; }
    case ALU_invert: { vectors<Not>(out, a, a, n * width); return; }
  }
  shift(op == ALU_left_shift, out, a, b, width, n);
}

@inline function exchange(reverse: bool, op: i32, out: usize, a: usize, b: usize, width: i32, n: i32): void {
  if (reverse) bitsChunk(op, out, b, a, width, n);
  else bitsChunk(op, out, a, b, width, n);
}

/** Reads operand `slot` of as many elements and bytes as dst. */
function input(slot: i32, descriptor: usize, dst: Operand): i32 {
  const op = parse(slot, descriptor, 0);
  if (op.total != dst.total || op.bytes != dst.bytes) return BAD_SHAPE;
  return guard(op, dst, true) ? OK : NO_ROOM;
}

/** dst = (data op0 operand0) op1 operand1 on raw bits; op1 -1 for none. All elements have the same width; stride 0 repeats. */
export function bitvec(
  dstAt: usize, dataAt: usize, op0: i32, operand0: usize, reverse0: i32, op1: i32, operand1: usize, reverse1: i32,
): i32 {
  const dst = parse(0, dstAt, 0);
  if (!isBitvec(op0) || (op1 >= 0 && !isBitvec(op1))) return BAD_OP;
  const first = op0 != ALU_invert;
  const second = op1 >= 0 && op1 != ALU_invert;
  let status = input(1, dataAt, dst);
  if (status == OK) status = input(2, first ? operand0 : dataAt, dst);
  if (status == OK) status = input(3, second ? operand1 : dataAt, dst);
  if (status != OK) return status;
  const data = operandOf(1), x = operandOf(2), y = operandOf(3);
  for (let e: u32 = 0; e < dst.total; e += CHUNK) {
    const n = <i32>min<u32>(CHUNK, dst.total - e);
    gather(data, e, n, chunkAt(0));
    if (first) gather(x, e, n, chunkAt(1));
    exchange(first && reverse0 != 0, op0, chunkAt(0), chunkAt(0), chunkAt(1), dst.bytes, n);
    if (second) gather(y, e, n, chunkAt(1));
    if (op1 >= 0) exchange(second && reverse1 != 0, op1, chunkAt(0), chunkAt(0), chunkAt(1), dst.bytes, n);
    scatter(dst, e, n, chunkAt(0));
  }
  return OK;
}

@unmanaged class IntAdd { @inline of(a: v128, b: v128): v128 { return i32x4.add(a, b); } }
@unmanaged class IntSubtract { @inline of(a: v128, b: v128): v128 { return i32x4.sub(a, b); } }
@unmanaged class IntMultiply { @inline of(a: v128, b: v128): v128 { return i32x4.mul(a, b); } }
@unmanaged class MaxSigned { @inline of(a: v128, b: v128): v128 { return i32x4.max_s(a, b); } }
@unmanaged class MaxUnsigned { @inline of(a: v128, b: v128): v128 { return i32x4.max_u(a, b); } }
@unmanaged class MinSigned { @inline of(a: v128, b: v128): v128 { return i32x4.min_s(a, b); } }
@unmanaged class MinUnsigned { @inline of(a: v128, b: v128): v128 { return i32x4.min_u(a, b); } }
@inline function truth(mask: v128): v128 { return v128.and(mask, v128.load(I_int1)); }
@unmanaged class IntEqual { @inline of(a: v128, b: v128): v128 { return truth(i32x4.eq(a, b)); } }
@unmanaged class IntNotEqual { @inline of(a: v128, b: v128): v128 { return truth(i32x4.ne(a, b)); } }
@unmanaged class GreaterSigned { @inline of(a: v128, b: v128): v128 { return truth(i32x4.gt_s(a, b)); } }
@unmanaged class GreaterUnsigned { @inline of(a: v128, b: v128): v128 { return truth(i32x4.gt_u(a, b)); } }
@unmanaged class NotLessSigned { @inline of(a: v128, b: v128): v128 { return truth(i32x4.ge_s(a, b)); } }
@unmanaged class NotLessUnsigned { @inline of(a: v128, b: v128): v128 { return truth(i32x4.ge_u(a, b)); } }

function integerChunk(op: i32, signed: bool, out: usize, a: usize, b: usize, n: i32): bool {
  const bytes = n << 2;
  switch (op) {
    case ALU_add: { vectors<IntAdd>(out, a, b, bytes); return true; }
    case ALU_subtract: { vectors<IntSubtract>(out, a, b, bytes); return true; }
    case ALU_multiply: { vectors<IntMultiply>(out, a, b, bytes); return true; }
    case ALU_equal: { vectors<IntEqual>(out, a, b, bytes); return true; }
    case ALU_not_equal: { vectors<IntNotEqual>(out, a, b, bytes); return true; }
    case ALU_less: return integerChunk(ALU_greater, signed, out, b, a, n);
    case ALU_less_equal: return integerChunk(ALU_greater_equal, signed, out, b, a, n);
    case ALU_maximum: {
      if (signed) vectors<MaxSigned>(out, a, b, bytes);
      else vectors<MaxUnsigned>(out, a, b, bytes);
      return true;
    }
    case ALU_minimum: {
      if (signed) vectors<MinSigned>(out, a, b, bytes);
      else vectors<MinUnsigned>(out, a, b, bytes);
      return true;
    }
    case ALU_greater: {
      if (signed) vectors<GreaterSigned>(out, a, b, bytes);
      else vectors<GreaterUnsigned>(out, a, b, bytes);
      return true;
    }
    case ALU_greater_equal: {
      if (signed) vectors<NotLessSigned>(out, a, b, bytes);
      else vectors<NotLessUnsigned>(out, a, b, bytes);
      return true;
    }
  }
  return false;
}

/** dst = a op b on 32-bit integers, exact and wrapping; `signed` decides how they compare. */
export function integer(op: i32, signed: i32, dstAt: usize, aAt: usize, bAt: usize): i32 {
  const dst = parse(0, dstAt, 0);
  if (dst.bytes != 4) return BAD_SHAPE;
  let status = input(1, aAt, dst);
  if (status == OK) status = input(2, bAt, dst);
  if (status != OK) return status;
  const a = operandOf(1), b = operandOf(2);
  for (let e: u32 = 0; e < dst.total; e += CHUNK) {
    const n = <i32>min<u32>(CHUNK, dst.total - e);
    gather(a, e, n, chunkAt(0));
    gather(b, e, n, chunkAt(1));
    if (!integerChunk(op, signed != 0, chunkAt(0), chunkAt(0), chunkAt(1), n)) return BAD_OP;
    scatter(dst, e, n, chunkAt(0));
  }
  return OK;
}

/** Reduces each run of consecutive elements of data into one of dst with and, or, xor. */
export function bitvecReduce(op: i32, dstAt: usize, dataAt: usize): i32 {
  const dst = parse(0, dstAt, 0);
  const data = parse(1, dataAt, 0);
  if (op != ALU_bitwise_and && op != ALU_bitwise_or && op != ALU_bitwise_xor) return BAD_OP;
  if (dst.total == 0 || data.total % dst.total != 0 || dst.bytes != data.bytes) return BAD_SHAPE;
  if (!guard(data, dst, false)) return NO_ROOM;
  const length = data.total / dst.total;
  for (let o: u32 = 0; o < dst.total; o++) {
    let sum: u32 = op == ALU_bitwise_and ? -1 : 0;
    for (let e: u32 = 0; e < length; e += CHUNK) {
      const n = <i32>min<u32>(CHUNK, length - e);
      gather(data, o * length + e, n, chunkAt(0));
      for (let i = 0; i < n; i++) {
        const x = element(chunkAt(0), data.bytes, i);
        sum = op == ALU_bitwise_and ? sum & x : op == ALU_bitwise_or ? sum | x : sum ^ x;
      }
    }
    store<u32>(chunkAt(1), sum);
    scatter(dst, o, 1, chunkAt(1));
  }
  return OK;
}
@inline function element(at: usize, bytes: i32, i: i32): u32 {
  return bytes == 4 ? load<u32>(at + (<usize>i << 2)) : bytes == 2 ? load<u16>(at + (<usize>i << 1)) : load<u8>(at + i);
}

/** dst[0, f] = and, or, xor of data[p, f] over partitions. */
export function bitvecPartitionReduce(op: i32, dstAt: usize, dataAt: usize): i32 {
  const dst = parse(0, dstAt, 0);
  const data = parse(1, dataAt, 0);
  if (op != ALU_bitwise_and && op != ALU_bitwise_or && op != ALU_bitwise_xor) return BAD_OP;
  if (dst.total == 0 || data.total % dst.total != 0 || dst.bytes != data.bytes) return BAD_SHAPE;
  if (!guard(data, dst, false)) return NO_ROOM;
  const partitions = data.total / dst.total;
  for (let f: u32 = 0; f < dst.total; f += CHUNK) {
    const n = <i32>min<u32>(CHUNK, dst.total - f);
    memory.fill(chunkAt(0), op == ALU_bitwise_and ? 255 : 0, <usize>n * data.bytes);
    for (let p: u32 = 0; p < partitions; p++) {
      gather(data, p * dst.total + f, n, chunkAt(1));
      bitsChunk(op, chunkAt(0), chunkAt(0), chunkAt(1), data.bytes, n);
    }
    scatter(dst, f, n, chunkAt(0));
  }
  return OK;
}
