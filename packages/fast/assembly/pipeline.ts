// Elementwise instructions: data, up to two ALU operations with an operand each, an activation function, a cast; and the reduction of the
// fp32 results along the free dimensions into one register per partition. Covers tensor_tensor, tensor_scalar, scalar_tensor_tensor,
// activation, activate2, exponential, tensor_scalar_reduce and reciprocal; and, with selected instead of computed values, range_select and
// select_reduce.
import { Operand, countOf, operandOf, parse } from "./operand";
import { CHUNK, ROWS, ROW_CHUNK, chunkAt, rowAt, tailAt } from "./layout";
import { guard } from "./move";
import { fetch, fetchStep, readable } from "./read";
import { commit, target } from "./write";
import { aluChunk, identity, isArithmetic, isPair, isUnary, pairChunk } from "./alu";
import { functionChunk, isFunction } from "./functions";
import { accumulateRows } from "./rows";
import { zero } from "./vector";
import { BOUND0_SLOT, BOUND1_SLOT, FALSE_SLOT, PREDICATE_SLOT, predicateChunk, rangeChunk, setRange, setReversed } from "./select";
import { BAD_DTYPE, BAD_OP, BAD_SHAPE, NO_ROOM, OK } from "./status";
import { ALU_bypass } from "../generated/tables";

let firstOp: i32 = 0;
let secondOp: i32 = 0;
let firstReverse: bool = false;
let secondReverse: bool = false;
let activation: i32 = 0;
/** Both operations in one pass. */
let paired: bool = false;
const NONE: i32 = -1;

@inline function dst(): Operand { return operandOf(0); }
@inline function data(): Operand { return operandOf(1); }
@inline function first(): Operand { return operandOf(2); }
@inline function second(): Operand { return operandOf(3); }
@inline function slope(): Operand { return operandOf(4); }
@inline function registers(): Operand { return operandOf(5); }

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

/** Where chunks come from: computed from data, or selected. */
const COMPUTED: i32 = 0;
const RANGE: i32 = 1;
const PREDICATE: i32 = 2;
let source: i32 = COMPUTED;

/** The fp32 results of elements e .. e + n - 1, at `out`. */
function compute(e: u32, n: i32, out: usize): void {
  if (source != COMPUTED) {
    select(e, n, out);
    return;
  }
  let a = fetch(data(), e, n, chunkAt(0));
  let aStep = fetchStep;
  if (paired) {
    const to = activation == NONE ? out : chunkAt(1);
    const x = fetch(first(), e, n, chunkAt(2));
    const xStep = fetchStep;
    const y = fetch(second(), e, n, chunkAt(5));
    pairChunk(firstOp, secondOp, to, a, aStep, x, xStep, y, fetchStep, n);
    a = to;
    aStep = 16;
  } else if (firstOp != NONE) {
    const to = secondOp == NONE && activation == NONE ? out : chunkAt(1);
    stage(firstOp, firstReverse, first(), to, a, aStep, e, n);
    a = to;
    aStep = 16;
  }
  if (secondOp != NONE && !paired) {
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

/** The same for a selecting instruction: whole vectors go to a chunk buffer, the n values to `out`, NaN canonical. */
function select(e: u32, n: i32, out: usize): void {
  const chosen = chunkAt(3);
  if (source == RANGE) rangeChunk(e, n, chosen);
  else predicateChunk(e, n, chosen);
  aluChunk(ALU_bypass, out, chosen, 16, chosen, 16, n);
}

/** The shortest run of operand structs 0 .. slots - 1 worth keeping chunks within, so that most operands are read where they lie. */
export function rowLength(slots: i32): u32 {
  let length = dst().total;
  for (let i = 0; i < slots; i++) {
    const op = operandOf(i);
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
  paired = !firstReverse && !secondReverse && isPair(op0, op1);
  source = COMPUTED;
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
  if (op != NONE) {
    parse(5, registersAt, 0);
    if (registers().total != partitions) return BAD_SHAPE;
    if (!guard(registers(), dst(), false)) return NO_ROOM;
  }
  const free = dst().total / <u32>partitions;
  const pointers = tailAt(8);
  const sums = tailAt(9);
  for (let p = 0; p < partitions; p += ROWS) {
    const rows = min(ROWS, partitions - p);
    const start: usize = reset || op == NONE ? 0 : fetch(registers(), p, rows, chunkAt(5));
    for (let r = 0; r < ROWS; r++) {
      const at = sums + (<usize>r << 2);
      if (start == 0) v128.store_lane<u32>(at, identity(op), 0);
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
      if (op != NONE) accumulateRows(op, pointers, sums, n);
    }
    if (op != NONE) commit(registers(), p, rows, sums);
  }
  return OK;
}

/** Reads the tile to select from and the value elsewhere; dimension 0 of all is the partition. */
function selection(dstAt: usize, onTrueAt: usize, onFalseAt: usize): i32 {
  parse(0, dstAt, 1);
  if (!readable(dst().dtype)) return BAD_DTYPE;
  const status = input(1, onTrueAt, 1);
  return status == OK ? input(FALSE_SLOT, onFalseAt, 1) : status;
}

/**
 * dst[p, f] = onTrue[p, f] where rangeStart + f compares true with bound0[p] and bound1[p] (one fp32 value a partition), else onFalse.
 * With reduceOp >= 0 the fp32 results are reduced into `registersAt`, as in `pipeline`.
 */
export function rangeSelect(
  dstAt: usize, onTrueAt: usize, onFalseAt: usize, op0: i32, op1: i32, bound0: usize, bound1: usize, rangeStart: i32,
  reduceOp: i32, registersAt: usize, reset: i32,
): i32 {
  const status = selection(dstAt, onTrueAt, onFalseAt);
  if (status != OK) return status;
  if (!isArithmetic(op0) || !isArithmetic(op1)) return BAD_OP;
  const partitions = countOf(dst(), 0);
  const low = parse(BOUND0_SLOT, bound0, 0);
  const high = parse(BOUND1_SLOT, bound1, 0);
  if (low.total != partitions || high.total != partitions) return BAD_SHAPE;
  if (!guard(low, dst(), false) || !guard(high, dst(), false)) return NO_ROOM;
  setRange(op0, op1, rangeStart, dst().total / <u32>partitions);
  source = RANGE;
  return reduceInto(reduceOp, registersAt, reset != 0);
}

/** dst = onTrue where `predicate` is not zero (is zero, when `reverse`), else onFalse; reduced like rangeSelect. */
export function selectReduce(
  dstAt: usize, predicateAt: usize, onTrueAt: usize, onFalseAt: usize, reverse: i32, reduceOp: i32, registersAt: usize, reset: i32,
): i32 {
  let status = selection(dstAt, onTrueAt, onFalseAt);
  if (status == OK) status = input(PREDICATE_SLOT, predicateAt, 1);
  if (status != OK) return status;
  setReversed(reverse != 0);
  source = PREDICATE;
  return reduceInto(reduceOp, registersAt, reset != 0);
}
