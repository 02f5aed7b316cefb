// Sequential reductions along rows, eight rows at a time: lane i of an accumulator is row i, so that ascending order within a row costs
// nothing. The rows come transposed four by four.
import { applyAny } from "./alu";
import { Add, Multiply } from "./operations";
import { isNumber, nan } from "./vector";
import { ALU_add, ALU_maximum, ALU_minimum, ALU_multiply, I_sign } from "../generated/tables";

/** Columns c .. c + 3 of four rows, as four vectors of one column each, reduced into `sum` in order. */
@inline function columns<Op>(sum: v128, a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const abHigh = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cdHigh = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  sum = changetype<Op>(0).of(sum, v128.shuffle<f64>(ab, cd, 0, 2));
  sum = changetype<Op>(0).of(sum, v128.shuffle<f64>(ab, cd, 1, 3));
  sum = changetype<Op>(0).of(sum, v128.shuffle<f64>(abHigh, cdHigh, 0, 2));
  return changetype<Op>(0).of(sum, v128.shuffle<f64>(abHigh, cdHigh, 1, 3));
}

@inline function rowPointer(pointers: usize, r: i32): usize { return load<u32>(pointers + (<usize>r << 2)); }
/** Column i of the four rows r .. r + 3. */
@inline function column(pointers: usize, r: i32, at: usize): v128 {
  let v = v128.load32_zero(rowPointer(pointers, r) + at);
  v = v128.load_lane<u32>(rowPointer(pointers, r + 1) + at, v, 1);
  v = v128.load_lane<u32>(rowPointer(pointers, r + 2) + at, v, 2);
  return v128.load_lane<u32>(rowPointer(pointers, r + 3) + at, v, 3);
}

function loop<Op>(pointers: usize, sums: usize, n: i32): void {
  let low = v128.load(sums);
  let high = v128.load(sums, 16);
  let a = rowPointer(pointers, 0), b = rowPointer(pointers, 1), c = rowPointer(pointers, 2), d = rowPointer(pointers, 3);
  let e = rowPointer(pointers, 4), f = rowPointer(pointers, 5), g = rowPointer(pointers, 6), h = rowPointer(pointers, 7);
  const body = <usize>(n & ~3) << 2;
  let at: usize = 0;
  for (; at < body; at += 16) {
    low = columns<Op>(low, v128.load(a + at), v128.load(b + at), v128.load(c + at), v128.load(d + at));
    high = columns<Op>(high, v128.load(e + at), v128.load(f + at), v128.load(g + at), v128.load(h + at));
  }
  for (; at < <usize>n << 2; at += 4) {
    low = changetype<Op>(0).of(low, column(pointers, 0, at));
    high = changetype<Op>(0).of(high, column(pointers, 4, at));
  }
  v128.store(sums, low);
  v128.store(sums, high, 16);
}

// Maximum and minimum by integer comparison: flipping the magnitude bits of negative values makes bit patterns sort as numbers, -0 below +0,
// and NaN, given the sign that wins, beats everything. One short step in the chain from column to column instead of f32x4.max's seven.
@inline function toKey(x: v128, nan: v128): v128 { return flip(v128.bitselect(x, nan, isNumber(x))); }
@inline function flip(x: v128): v128 { return v128.xor(x, i32x4.shr_u(i32x4.shr_s(x, 31), 1)); }
@unmanaged class KeyMaximum { @inline of(a: v128, b: v128): v128 { return i32x4.max_s(a, b); } }
@unmanaged class KeyMinimum { @inline of(a: v128, b: v128): v128 { return i32x4.min_s(a, b); } }

function keyLoop<Op>(pointers: usize, sums: usize, n: i32, nan: v128): void {
  let low = toKey(v128.load(sums), nan);
  let high = toKey(v128.load(sums, 16), nan);
  let a = rowPointer(pointers, 0), b = rowPointer(pointers, 1), c = rowPointer(pointers, 2), d = rowPointer(pointers, 3);
  let e = rowPointer(pointers, 4), f = rowPointer(pointers, 5), g = rowPointer(pointers, 6), h = rowPointer(pointers, 7);
  const body = <usize>(n & ~3) << 2;
  let at: usize = 0;
  for (; at < body; at += 16) {
    low = columns<Op>(low, keyAt(a + at, nan), keyAt(b + at, nan), keyAt(c + at, nan), keyAt(d + at, nan));
    high = columns<Op>(high, keyAt(e + at, nan), keyAt(f + at, nan), keyAt(g + at, nan), keyAt(h + at, nan));
  }
  for (; at < <usize>n << 2; at += 4) {
    low = changetype<Op>(0).of(low, toKey(column(pointers, 0, at), nan));
    high = changetype<Op>(0).of(high, toKey(column(pointers, 4, at), nan));
  }
  v128.store(sums, flip(low));
  v128.store(sums, flip(high), 16);
}
@inline function keyAt(at: usize, nan: v128): v128 { return toKey(v128.load(at), nan); }

function anyLoop(op: i32, pointers: usize, sums: usize, n: i32): void {
  for (let at: usize = 0; at < <usize>n << 2; at += 4) {
    v128.store(sums, applyAny(op, v128.load(sums), column(pointers, 0, at)));
    v128.store(sums, applyAny(op, v128.load(sums, 16), column(pointers, 4, at)), 16);
  }
}

/** sums[r] = sums[r] op row r [i] for i = 0 .. n - 1, for the eight rows whose addresses are at `pointers`. */
export function accumulateRows(op: i32, pointers: usize, sums: usize, n: i32): void {
  switch (op) {
    case ALU_add: { loop<Add>(pointers, sums, n); return; }
    case ALU_multiply: { loop<Multiply>(pointers, sums, n); return; }
    case ALU_maximum: { keyLoop<KeyMaximum>(pointers, sums, n, nan()); return; }
    case ALU_minimum: { keyLoop<KeyMinimum>(pointers, sums, n, v128.or(nan(), v128.load(I_sign))); return; }
  }
  anyLoop(op, pointers, sums, n);
}
