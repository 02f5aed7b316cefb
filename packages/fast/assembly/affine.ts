// Instructions driven by an affine function of the element's position: iota and affine_select. The function is an operand descriptor whose
// address is the offset and whose strides are the channel multiplier and the pattern's steps; element "addresses" are its int32 values.
import { Operand, nextRun, parse, seek } from "./operand";
import { CHUNK, chunkAt } from "./layout";
import { gather, guard, scatter } from "./move";
import { fetch, fetchStep, readable, repeat } from "./read";
import { fromFp32 } from "./write";
import { BAD_DTYPE, BAD_OP, BAD_SHAPE, NO_ROOM, OK } from "./status";
import {
  ALU_equal, ALU_greater, ALU_greater_equal, ALU_less, ALU_less_equal, ALU_not_equal, DT_int32, DT_uint32,
} from "../generated/tables";

/** The int32 values of elements e .. e + n - 1 of the affine function, at `out` (written in whole vectors). */
function evaluate(pattern: Operand, e: u32, n: i32, out: usize): void {
  seek(pattern, e);
  for (;;) {
    const m = min(pattern.run - pattern.within, n);
    const step = pattern.step;
    const first = <i32>pattern.at + pattern.within * step;
    let v = i32x4.add(i32x4.splat(first), i32x4.mul(i32x4.splat(step), i32x4(0, 1, 2, 3)));
    const by = i32x4.splat(step << 2);
    for (let i = 0; i < m; i += 4) {
      v128.store(out + (<usize>i << 2), v);
      v = i32x4.add(v, by);
    }
    n -= m;
    if (n == 0) return;
    out += <usize>m << 2;
    pattern.element += m;
    nextRun(pattern);
  }
}

/** dst = the affine function, computed in int32 and cast to the type of dst. */
export function iota(dstAt: usize, patternAt: usize): i32 {
  const dst = parse(0, dstAt, 0);
  const pattern = parse(1, patternAt, 0);
  if (dst.total != pattern.total) return BAD_SHAPE;
  if (!readable(dst.dtype)) return BAD_DTYPE;
  const whole = dst.dtype == DT_int32 || dst.dtype == DT_uint32;
  const numbers = chunkAt(0);
  for (let e: u32 = 0; e < dst.total; e += CHUNK) {
    const n = <i32>min<u32>(CHUNK, dst.total - e);
    evaluate(pattern, e, n, numbers);
    if (whole) {
      scatter(dst, e, n, numbers);
      continue;
    }
    for (let i: usize = 0; i < <usize>n << 2; i += 16) v128.store(numbers + i, f32x4.convert_i32x4_s(v128.load(numbers + i)));
    fromFp32(dst.dtype, dst.bytes, numbers, chunkAt(1), n);
    scatter(dst, e, n, chunkAt(1));
  }
  return OK;
}

@inline function compare(op: i32, v: v128): v128 {
  const zero = i32x4.splat(0);
  switch (op) {
    case ALU_equal: return i32x4.eq(v, zero);
    case ALU_not_equal: return i32x4.ne(v, zero);
    case ALU_greater: return i32x4.gt_s(v, zero);
    case ALU_greater_equal: return i32x4.ge_s(v, zero);
    case ALU_less: return i32x4.lt_s(v, zero);
  }
  return i32x4.le_s(v, zero);
}

/** Keeps elements of `kept` (packed, `bytes` each) where the mask lane is set, puts `other` elsewhere. */
function keep(masks: usize, kept: usize, other: v128, bytes: i32, n: i32): void {
  const perVector = 16 / bytes;
  for (let i = 0; i < n; i += perVector) {
    const m = masks + (<usize>i << 2);
    let mask = v128.load(m);
    if (bytes <= 2) mask = i16x8.narrow_i32x4_s(mask, v128.load(m, 16));
    if (bytes == 1) mask = i8x16.narrow_i16x8_s(mask, i16x8.narrow_i32x4_s(v128.load(m, 32), v128.load(m, 48)));
    const at = kept + <usize>(i * bytes);
    v128.store(at, v128.bitselect(v128.load(at), other, mask));
  }
}

/**
 * dst = onTrue where `op` (a comparison) holds between the affine function and 0, else the raw element `falseBits`. Equal types keep their
 * bits; different ones go through fp32.
 */
export function affineSelect(dstAt: usize, onTrueAt: usize, patternAt: usize, op: i32, falseBits: u32): i32 {
  const dst = parse(0, dstAt, 0);
  const onTrue = parse(1, onTrueAt, 0);
  const pattern = parse(2, patternAt, 0);
  if (op < ALU_equal || op > ALU_less) return BAD_OP;
  if (dst.total != onTrue.total || dst.total != pattern.total) return BAD_SHAPE;
  const same = dst.dtype == onTrue.dtype;
  if (!same && !(readable(dst.dtype) && readable(onTrue.dtype))) return BAD_DTYPE;
  if (!guard(onTrue, dst, true)) return NO_ROOM;
  const bytes = dst.bytes;
  const other = bytes == 4 ? i32x4.splat(falseBits) : bytes == 2 ? i16x8.splat(<i16>falseBits) : i8x16.splat(<i8>falseBits);
  const kept = chunkAt(0);
  const masks = chunkAt(1);
  for (let e: u32 = 0; e < dst.total; e += CHUNK) {
    const n = <i32>min<u32>(CHUNK, dst.total - e);
    if (same) gather(onTrue, e, n, kept);
    else {
      const values = fetch(onTrue, e, n, chunkAt(2));
      if (fetchStep == 0) repeat(values, n);
      fromFp32(dst.dtype, bytes, values, kept, n);
    }
    evaluate(pattern, e, n, masks);
    for (let i: usize = 0; i < <usize>n << 2; i += 16) v128.store(masks + i, compare(op, v128.load(masks + i)));
    keep(masks, kept, other, bytes, n);
    scatter(dst, e, n, kept);
  }
  return OK;
}
