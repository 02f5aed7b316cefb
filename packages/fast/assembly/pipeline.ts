// Elementwise instructions: data, up to two ALU operations with an operand each, an activation function, a cast; and the reduction of the
// fp32 results along the free dimensions into one register per partition. Covers tensor_tensor, tensor_scalar, scalar_tensor_tensor,
// activation, activate2, exponential, tensor_scalar_reduce, reciprocal and casting copies.
import { Operand, countOf, parse } from "./operand";
import { CHUNK, ROWS, ROW_CHUNK, chunkAt, operandAt, rowAt, tailAt } from "./layout";
import { guard } from "./move";
import { fetch, fetchStep, readable } from "./read";
import { commit, target } from "./write";
import { aluChunk, identity, isArithmetic, isUnary } from "./alu";
import { functionChunk, isFunction } from "./functions";
import { accumulateRows } from "./rows";
import { zero } from "./vector";
import { BAD_DTYPE, BAD_OP, BAD_SHAPE, NO_ROOM, OK } from "./status";
import { ALU_bypass } from "../generated/tables";

let firstOp: i32 = 0;
let secondOp: i32 = 0;
let firstReverse: bool = false;
let secondReverse: bool = false;
let activation: i32 = 0;
const NONE: i32 = -1;

@inline function dst(): Operand { return changetype<Operand>(operandAt(0)); }
@inline function data(): Operand { return changetype<Operand>(operandAt(1)); }
@inline function first(): Operand { return changetype<Operand>(operandAt(2)); }
@inline function second(): Operand { return changetype<Operand>(operandAt(3)); }
@inline function slope(): Operand { return changetype<Operand>(operandAt(4)); }
@inline function registers(): Operand { return changetype<Operand>(operandAt(5)); }

/** Reads input operand `slot` and makes writing dst safe for it. */
function input(slot: i32, descriptor: usize, lead: i32): i32 {
  const op = parse(slot, descriptor, lead);
  if (op.total != dst().total) return BAD_SHAPE;
  if (!readable(op.dtype)) return BAD_DTYPE;
  return guard(op, dst(), true) ? OK : NO_ROOM;
}

/** out = a op x, or x op a. */
function stage(op: i32, reverse: bool, x: Operand, out: usize, a: usize, aStep: usize, e: u32, n: i32): void {
  if (isUnary(op)) {
    aluChunk(op, out, a, aStep, a, aStep, n);
    return;
  }
  const b = fetch(x, e, n, chunkAt(2));
  if (reverse) aluChunk(op, out, b, fetchStep, a, aStep, n);
  else aluChunk(op, out, a, aStep, b, fetchStep, n);
}

/** The fp32 results of elements e .. e + n - 1, at `out`. */
function compute(e: u32, n: i32, out: usize): void {
  let a = fetch(data(), e, n, chunkAt(0));
  let aStep = fetchStep;
  if (firstOp != NONE) {
    const to = secondOp == NONE && activation == NONE ? out : chunkAt(1);
    stage(firstOp, firstReverse, first(), to, a, aStep, e, n);
    a = to;
    aStep = 16;
  }
  if (secondOp != NONE) {
    const to = activation == NONE ? out : chunkAt(1);
    stage(secondOp, secondReverse, second(), to, a, aStep, e, n);
    a = to;
    aStep = 16;
  }
  if (activation != NONE) {
    let alpha = chunkAt(3);
    if (slope().total == 0) v128.store(alpha, zero());
    else alpha = fetch(slope(), e, n, alpha);
    functionChunk(activation, out, a, aStep, alpha, slope().total == 0 ? 0 : fetchStep, n);
  } else if (firstOp == NONE && secondOp == NONE) aluChunk(ALU_bypass, out, a, aStep, a, aStep, n);
}

/** The shortest run of operand structs 0 .. slots - 1 worth keeping chunks within, so that most operands are read where they lie. */
export function rowLength(slots: i32): u32 {
  let length = dst().total;
  for (let i = 0; i < slots; i++) {
    const op = changetype<Operand>(operandAt(i));
    if (op.total != 0 && op.run >= 64 && <u32>op.run < length) length = op.run;
  }
  return length;
}

/**
 * dst = fn((data op0 operand0) op1 operand1). Operations and fn are numbers of their tables, -1 for none; operands are descriptors with
 * as many elements as data (stride 0 to repeat). `alphaAt` is the slope of prelu, or 0. With reduceOp >= 0, the fp32 results of each
 * partition (dimension 0) are reduced in order into the fp32 values of descriptor `registersAt`, from their identity when `reset`.
 */
export function pipeline(
  dstAt: usize, dataAt: usize,
  op0: i32, operand0: usize, reverse0: i32,
  op1: i32, operand1: usize, reverse1: i32,
  fn: i32, alphaAt: usize,
  reduceOp: i32, registersAt: usize, reset: i32,
): i32 {
  const lead = reduceOp == NONE ? 0 : 1;
  parse(0, dstAt, lead);
  if (!readable(dst().dtype)) return BAD_DTYPE;
  if (op0 != NONE && !isArithmetic(op0)) return BAD_OP;
  if (op1 != NONE && !isArithmetic(op1)) return BAD_OP;
  if (fn != NONE && !isFunction(fn)) return BAD_OP;
  if (reduceOp != NONE && !isArithmetic(reduceOp)) return BAD_OP;
  firstOp = op0;
  secondOp = op1;
  firstReverse = reverse0 != 0;
  secondReverse = reverse1 != 0;
  activation = fn;
  let status = input(1, dataAt, lead);
  if (status != OK) return status;
  first().total = second().total = slope().total = 0;
  if (op0 != NONE && !isUnary(op0)) status = input(2, operand0, lead);
  if (status == OK && op1 != NONE && !isUnary(op1)) status = input(3, operand1, lead);
  if (status == OK && alphaAt != 0) status = input(4, alphaAt, lead);
  if (status != OK) return status;
  if (reduceOp != NONE) return reduceInto(reduceOp, registersAt, reset != 0);

  const length = rowLength(5);
  for (let e: u32 = 0; e < dst().total; ) {
    const n = <i32>min<u32>(CHUNK, length - e % length);
    const out = target(dst(), e, n, chunkAt(4));
    compute(e, n, out);
    if (out == chunkAt(4)) commit(dst(), e, n, out);
    e += n;
  }
  return OK;
}

/** The same, eight partitions at a time, with every result also reduced. */
function reduceInto(op: i32, registersAt: usize, reset: bool): i32 {
  const partitions = countOf(dst(), 0);
  parse(5, registersAt, 0);
  if (registers().total != partitions) return BAD_SHAPE;
  if (!guard(registers(), dst(), false)) return NO_ROOM;
  const free = dst().total / <u32>partitions;
  const pointers = tailAt(8);
  const sums = tailAt(9);
  for (let p = 0; p < partitions; p += ROWS) {
    const rows = min(ROWS, partitions - p);
    const start = reset ? 0 : fetch(registers(), p, rows, chunkAt(5));
    for (let r = 0; r < ROWS; r++) {
      const at = sums + (<usize>r << 2);
      if (reset) v128.store_lane<u32>(at, identity(op), 0);
      else store<f32>(at, r < rows ? load<f32>(start + (<usize>r << 2)) : 0);
    }
    for (let f: u32 = 0; f < free; f += ROW_CHUNK) {
      const n = <i32>min<u32>(ROW_CHUNK, free - f);
      for (let r = 0; r < ROWS; r++) {
        const at = pointers + (<usize>r << 2);
        if (r >= rows) {
          store<u32>(at, load<u32>(pointers));
          continue;
        }
        const e = <u32>(p + r) * free + f;
        const out = target(dst(), e, n, rowAt(r));
        compute(e, n, out);
        if (out == rowAt(r)) commit(dst(), e, n, out);
        store<u32>(at, out);
      }
      accumulateRows(op, pointers, sums, n);
    }
    commit(registers(), p, rows, sums);
  }
  return OK;
}
