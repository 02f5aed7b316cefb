// Transposition of a two-dimensional tile: dst[f, p] = src[p, f], bits unchanged. Dimension 0 is p; further dimensions of src are one.
import { Operand, countOf, parse, strideOf } from "./operand";
import { guard } from "./move";
import { BAD_SHAPE, NO_ROOM, OK } from "./status";

/** A 4 x 4 block of 32-bit elements. */
@inline function block4(dst: usize, dstPitch: usize, src: usize, srcPitch: usize): void {
  const a = v128.load(src), b = v128.load(src + srcPitch);
  const c = v128.load(src + 2 * srcPitch), d = v128.load(src + 3 * srcPitch);
  const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5), cd = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
  const abHigh = v128.shuffle<i32>(a, b, 2, 6, 3, 7), cdHigh = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
  v128.store(dst, v128.shuffle<i64>(ab, cd, 0, 2));
  v128.store(dst + dstPitch, v128.shuffle<i64>(ab, cd, 1, 3));
  v128.store(dst + 2 * dstPitch, v128.shuffle<i64>(abHigh, cdHigh, 0, 2));
  v128.store(dst + 3 * dstPitch, v128.shuffle<i64>(abHigh, cdHigh, 1, 3));
}

/** Two rows of eight 16-bit elements, interleaved. */
@inline function low2(a: v128, b: v128): v128 { return v128.shuffle<i16>(a, b, 0, 8, 1, 9, 2, 10, 3, 11); }
@inline function high2(a: v128, b: v128): v128 { return v128.shuffle<i16>(a, b, 4, 12, 5, 13, 6, 14, 7, 15); }
@inline function low4(a: v128, b: v128): v128 { return v128.shuffle<i32>(a, b, 0, 4, 1, 5); }
@inline function high4(a: v128, b: v128): v128 { return v128.shuffle<i32>(a, b, 2, 6, 3, 7); }
@inline function two(dst: usize, pitch: usize, a: v128, b: v128): void {
  v128.store(dst, v128.shuffle<i64>(a, b, 0, 2));
  v128.store(dst + pitch, v128.shuffle<i64>(a, b, 1, 3));
}

/** An 8 x 8 block of 16-bit elements. */
@inline function block2(dst: usize, dstPitch: usize, src: usize, srcPitch: usize): void {
  const r0 = v128.load(src), r1 = v128.load(src + srcPitch);
  const r2 = v128.load(src + 2 * srcPitch), r3 = v128.load(src + 3 * srcPitch);
  const r4 = v128.load(src + 4 * srcPitch), r5 = v128.load(src + 5 * srcPitch);
  const r6 = v128.load(src + 6 * srcPitch), r7 = v128.load(src + 7 * srcPitch);
  const a = low2(r0, r1), b = low2(r2, r3), c = low2(r4, r5), d = low2(r6, r7);
  two(dst, dstPitch, low4(a, b), low4(c, d));
  two(dst + 2 * dstPitch, dstPitch, high4(a, b), high4(c, d));
  const e = high2(r0, r1), f = high2(r2, r3), g = high2(r4, r5), h = high2(r6, r7);
  two(dst + 4 * dstPitch, dstPitch, low4(e, f), low4(g, h));
  two(dst + 6 * dstPitch, dstPitch, high4(e, f), high4(g, h));
}

@inline function low1(a: v128, b: v128): v128 {
  return v128.shuffle<i8>(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

/** An 8 x 8 block of bytes. */
@inline function block1(dst: usize, dstPitch: usize, src: usize, srcPitch: usize): void {
  const a = low1(v128.load64_zero(src), v128.load64_zero(src + srcPitch));
  const b = low1(v128.load64_zero(src + 2 * srcPitch), v128.load64_zero(src + 3 * srcPitch));
  const c = low1(v128.load64_zero(src + 4 * srcPitch), v128.load64_zero(src + 5 * srcPitch));
  const d = low1(v128.load64_zero(src + 6 * srcPitch), v128.load64_zero(src + 7 * srcPitch));
  const ab = low2(a, b), abHigh = high2(a, b), cd = low2(c, d), cdHigh = high2(c, d);
  const r0 = low4(ab, cd), r2 = high4(ab, cd), r4 = low4(abHigh, cdHigh), r6 = high4(abHigh, cdHigh);
  pair1(dst, dstPitch, r0);
  pair1(dst + 2 * dstPitch, dstPitch, r2);
  pair1(dst + 4 * dstPitch, dstPitch, r4);
  pair1(dst + 6 * dstPitch, dstPitch, r6);
}
@inline function pair1(dst: usize, pitch: usize, v: v128): void {
  v128.store_lane<u64>(dst, v, 0);
  v128.store_lane<u64>(dst + pitch, v, 1);
}

@inline function one<T>(dst: usize, src: usize): void { store<T>(dst, load<T>(src)); }
function element(bytes: i32, dst: usize, src: usize): void {
  if (bytes == 4) one<u32>(dst, src);
  else if (bytes == 2) one<u16>(dst, src);
  else one<u8>(dst, src);
}

/** p rows of f packed elements to f rows of p packed elements. */
function plane(dst: usize, dstPitch: usize, src: usize, srcPitch: usize, bytes: i32, p: i32, f: i32): void {
  const side = bytes == 4 ? 4 : 8;
  const rows = p - p % side;
  const columns = f - f % side;
  for (let j = 0; j < columns; j += side)
    for (let i = 0; i < rows; i += side) {
      const to = dst + j * dstPitch + i * bytes;
      const from = src + i * srcPitch + j * bytes;
      if (bytes == 4) block4(to, dstPitch, from, srcPitch);
      else if (bytes == 2) block2(to, dstPitch, from, srcPitch);
      else block1(to, dstPitch, from, srcPitch);
    }
  for (let i = 0; i < p; i++)
    for (let j = i < rows ? columns : 0; j < f; j++) element(bytes, dst + j * dstPitch + i * bytes, src + i * srcPitch + j * bytes);
}

/** dst[f, p] = src[p, f]; equal element sizes, or 16-bit cells from bytes with a zero high byte (fp8 through the tensor engine). */
export function transpose(dstAt: usize, srcAt: usize): i32 {
  const dst = parse(0, dstAt, 1);
  const src = parse(1, srcAt, 1);
  const p = countOf(src, 0);
  const f = countOf(dst, 0);
  const widening = dst.bytes == 2 && src.bytes == 1;
  if (dst.total != src.total || dst.total != <u32>(p * f) || (dst.bytes != src.bytes && !widening)) return BAD_SHAPE;
  if (!guard(src, dst, false)) return NO_ROOM;
  if (!widening && dst.rank == 2 && src.rank == 2 && dst.step == dst.bytes && src.step == src.bytes) {
    plane(dst.address, strideOf(dst, 0), src.address, strideOf(src, 0), src.bytes, p, f);
    return OK;
  }
  for (let i = 0; i < p; i++) for (let j = 0; j < f; j++) move(dst, src, <u32>(j * p + i), <u32>(i * f + j), widening);
  return OK;
}

/** Element `from` of src to element `to` of dst. */
function move(dst: Operand, src: Operand, to: u32, from: u32, widening: bool): void {
  const d = addressOf(dst, to);
  const s = addressOf(src, from);
  if (widening) store<u16>(d, load<u8>(s));
  else element(src.bytes, d, s);
}
function addressOf(op: Operand, e: u32): usize {
  let at = op.address;
  for (let d = op.rank - 1; d >= 0; d--) {
    const count = <u32>countOf(op, d);
    at += (e % count) * strideOf(op, d);
    e /= count;
  }
  return at;
}

/** dst = src with its first and last of two to four dimensions exchanged; equal element sizes. */
export function exchange(dstAt: usize, srcAt: usize): i32 {
  const dst = parse(0, dstAt, 5);
  const src = parse(1, srcAt, 5);
  const last = src.rank - 1;
  if (dst.total != src.total || dst.bytes != src.bytes || dst.rank != src.rank || last < 1 || last > 3) return BAD_SHAPE;
  if (!guard(src, dst, false)) return NO_ROOM;
  const outer = last > 1 ? countOf(src, 1) : 1;
  const inner = last > 2 ? countOf(src, 2) : 1;
  for (let i = 0; i < outer; i++)
    for (let j = 0; j < inner; j++) {
      let to = dst.address;
      let from = src.address;
      if (last > 1) {
        to += i * strideOf(dst, 1);
        from += i * strideOf(src, 1);
      }
      if (last > 2) {
        to += j * strideOf(dst, 2);
        from += j * strideOf(src, 2);
      }
      exchangePlane(dst, to, src, from, last);
    }
  return OK;
}

function exchangePlane(dst: Operand, to: usize, src: Operand, from: usize, last: i32): void {
  const p = countOf(src, 0);
  const f = countOf(src, last);
  const toPitch = strideOf(dst, 0);
  const fromPitch = strideOf(src, 0);
  const toStep = strideOf(dst, last);
  const fromStep = strideOf(src, last);
  const bytes = src.bytes;
  if (toStep == bytes && fromStep == bytes) {
    plane(to, toPitch, from, fromPitch, bytes, p, f);
    return;
  }
  for (let i = 0; i < p; i++)
    for (let j = 0; j < f; j++) element(bytes, to + j * toPitch + i * toStep, from + i * fromPitch + j * fromStep);
}
