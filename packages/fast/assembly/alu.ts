// ALU operations over packed fp32 values.
import { canonical, loadSome, storeSome } from "./vector";
import {
  Abs, AbsMax, AbsMin, Add, Bypass, Equal, Greater, GreaterEqual, Less, LessEqual, LogicalAnd, LogicalOr, LogicalXor, Maximum,
  Minimum, Multiply, NotEqual, Power, Reciprocal, Relu, Rsqrt, Square, Subtract,
} from "./operations";
import {
  ALU_abs, ALU_abs_max, ALU_abs_min, ALU_add, ALU_bypass, ALU_equal, ALU_greater, ALU_greater_equal, ALU_less, ALU_less_equal,
  ALU_logical_and, ALU_logical_or, ALU_logical_xor, ALU_maximum, ALU_minimum, ALU_multiply, ALU_not_equal, ALU_power, ALU_reciprocal,
  ALU_relu, ALU_rsqrt, ALU_square, ALU_subtract,
} from "../generated/tables";

@inline export function isArithmetic(op: i32): bool { return op >= 0 && op <= ALU_reciprocal; }
@inline export function isUnary(op: i32): bool { return op == ALU_bypass || op >= ALU_abs; }
@inline function lane<Op>(a: v128, b: v128): v128 { return changetype<Op>(0).of(a, b); }

/** One operation on four lanes, known only at run time. */
export function applyAny(op: i32, a: v128, b: v128): v128 {
  switch (op) {
    case ALU_add: return lane<Add>(a, b);
    case ALU_subtract: return lane<Subtract>(a, b);
    case ALU_multiply: return lane<Multiply>(a, b);
    case ALU_maximum: return lane<Maximum>(a, b);
    case ALU_minimum: return lane<Minimum>(a, b);
    case ALU_equal: return lane<Equal>(a, b);
    case ALU_not_equal: return lane<NotEqual>(a, b);
    case ALU_greater_equal: return lane<GreaterEqual>(a, b);
    case ALU_greater: return lane<Greater>(a, b);
    case ALU_less_equal: return lane<LessEqual>(a, b);
    case ALU_less: return lane<Less>(a, b);
    case ALU_logical_and: return lane<LogicalAnd>(a, b);
    case ALU_logical_or: return lane<LogicalOr>(a, b);
    case ALU_logical_xor: return lane<LogicalXor>(a, b);
    case ALU_power: return lane<Power>(a, b);
    case ALU_abs_max: return lane<AbsMax>(a, b);
    case ALU_abs_min: return lane<AbsMin>(a, b);
    case ALU_abs: return lane<Abs>(a, b);
    case ALU_square: return lane<Square>(a, b);
    case ALU_relu: return lane<Relu>(a, b);
    case ALU_rsqrt: return lane<Rsqrt>(a, b);
    case ALU_reciprocal: return lane<Reciprocal>(a, b);
  }
  return a;
}

/** dst[i] = a[i] op b[i] for n packed values, NaN made canonical; a step of 0 repeats the first four lanes. */
function loop<Op>(dst: usize, a: usize, aStep: usize, b: usize, bStep: usize, n: i32): void {
  for (; n >= 8; n -= 8) {
    const low = canonical(lane<Op>(v128.load(a), v128.load(b)));
    const high = canonical(lane<Op>(v128.load(a + aStep), v128.load(b + bStep)));
    v128.store(dst, low);
    v128.store(dst, high, 16);
    a += 2 * aStep;
    b += 2 * bStep;
    dst += 32;
  }
  if (n >= 4) {
    v128.store(dst, canonical(lane<Op>(v128.load(a), v128.load(b))));
    a += aStep;
    b += bStep;
    dst += 16;
    n -= 4;
  }
  if (n > 0) storeSome(dst, canonical(lane<Op>(loadSome(a, n), loadSome(b, n))), n);
}

/** The same for operations of one operand. */
function loop1<Op>(dst: usize, a: usize, aStep: usize, n: i32): void {
  for (; n >= 4; n -= 4) {
    const x = v128.load(a);
    v128.store(dst, canonical(lane<Op>(x, x)));
    a += aStep;
    dst += 16;
  }
  if (n == 0) return;
  const x = loadSome(a, n);
  storeSome(dst, canonical(lane<Op>(x, x)), n);
}

/** n fp32 values: dst = a op b. Steps are 16, or 0 for one value that stands in all four lanes. */
export function aluChunk(op: i32, dst: usize, a: usize, aStep: usize, b: usize, bStep: usize, n: i32): void {
  switch (op) {
    case ALU_bypass: { loop1<Bypass>(dst, a, aStep, n); return; }
    case ALU_add: { loop<Add>(dst, a, aStep, b, bStep, n); return; }
    case ALU_subtract: { loop<Subtract>(dst, a, aStep, b, bStep, n); return; }
    case ALU_multiply: { loop<Multiply>(dst, a, aStep, b, bStep, n); return; }
    case ALU_maximum: { loop<Maximum>(dst, a, aStep, b, bStep, n); return; }
    case ALU_minimum: { loop<Minimum>(dst, a, aStep, b, bStep, n); return; }
    case ALU_equal: { loop<Equal>(dst, a, aStep, b, bStep, n); return; }
    case ALU_not_equal: { loop<NotEqual>(dst, a, aStep, b, bStep, n); return; }
    case ALU_greater_equal: { loop<GreaterEqual>(dst, a, aStep, b, bStep, n); return; }
    case ALU_greater: { loop<Greater>(dst, a, aStep, b, bStep, n); return; }
    case ALU_less_equal: { loop<LessEqual>(dst, a, aStep, b, bStep, n); return; }
    case ALU_less: { loop<Less>(dst, a, aStep, b, bStep, n); return; }
    case ALU_logical_and: { loop<LogicalAnd>(dst, a, aStep, b, bStep, n); return; }
    case ALU_logical_or: { loop<LogicalOr>(dst, a, aStep, b, bStep, n); return; }
    case ALU_logical_xor: { loop<LogicalXor>(dst, a, aStep, b, bStep, n); return; }
    case ALU_power: { loop<Power>(dst, a, aStep, b, bStep, n); return; }
    case ALU_abs_max: { loop<AbsMax>(dst, a, aStep, b, bStep, n); return; }
    case ALU_abs_min: { loop<AbsMin>(dst, a, aStep, b, bStep, n); return; }
    case ALU_abs: { loop1<Abs>(dst, a, aStep, n); return; }
    case ALU_square: { loop1<Square>(dst, a, aStep, n); return; }
    case ALU_relu: { loop1<Relu>(dst, a, aStep, n); return; }
    case ALU_rsqrt: { loop1<Rsqrt>(dst, a, aStep, n); return; }
    case ALU_reciprocal: { loop1<Reciprocal>(dst, a, aStep, n); return; }
  }
}

/** dst[i] = (a[i] Op0 x[i]) Op1 y[i]; steps as in `loop`. */
function pairLoop<Op0, Op1>(dst: usize, a: usize, aStep: usize, x: usize, xStep: usize, y: usize, yStep: usize, n: i32): void {
  for (; n >= 4; n -= 4) {
    v128.store(dst, canonical(lane<Op1>(lane<Op0>(v128.load(a), v128.load(x)), v128.load(y))));
    a += aStep;
    x += xStep;
    y += yStep;
    dst += 16;
  }
  if (n > 0) storeSome(dst, canonical(lane<Op1>(lane<Op0>(loadSome(a, n), loadSome(x, n)), loadSome(y, n))), n);
}

/** Whether `pairChunk` has the two operations in one pass. */
export function isPair(op0: i32, op1: i32): bool {
  if (op0 == ALU_multiply) return op1 == ALU_add || op1 == ALU_subtract;
  return (op0 == ALU_subtract || op0 == ALU_add) && op1 == ALU_multiply;
}

/** n fp32 values: dst = (a op0 x) op1 y for a pair that `isPair` accepts. */
export function pairChunk(
  op0: i32, op1: i32, dst: usize, a: usize, aStep: usize, x: usize, xStep: usize, y: usize, yStep: usize, n: i32,
): void {
  if (op0 == ALU_subtract) pairLoop<Subtract, Multiply>(dst, a, aStep, x, xStep, y, yStep, n);
  else if (op0 == ALU_add) pairLoop<Add, Multiply>(dst, a, aStep, x, xStep, y, yStep, n);
  else if (op1 == ALU_add) pairLoop<Multiply, Add>(dst, a, aStep, x, xStep, y, yStep, n);
  else pairLoop<Multiply, Subtract>(dst, a, aStep, x, xStep, y, yStep, n);
}

/** Identity of a reduction in all four lanes; 0 for operations that are none (abs_max starts there). */
export function identity(op: i32): v128 {
  switch (op) {
    case ALU_multiply: return f32x4.splat(1);
    case ALU_logical_and: return f32x4.splat(1);
    case ALU_maximum: return f32x4.splat(-Infinity);
    case ALU_minimum: return f32x4.splat(Infinity);
    case ALU_abs_min: return f32x4.splat(Infinity);
  }
  return f32x4.splat(0);
}
