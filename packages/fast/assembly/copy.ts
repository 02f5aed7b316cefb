// Data movement: raw copies, fills and predicated copies. Bits are kept, NaN payloads included.
import { nextRun, parse } from "./operand";
import { CHUNK, chunkAt } from "./layout";
import { gather, guard, moveAll, scatter } from "./move";
import { rowLength } from "./pipeline";
import { fetch, fetchStep, readable, repeat } from "./read";
import { commit, target } from "./write";
import { BAD_DTYPE, BAD_SHAPE, NO_ROOM, OK } from "./status";

/** dst = src: the same bits when the types agree, else through fp32. Dimensions may differ, element counts may not. */
export function copy(dstAt: usize, srcAt: usize): i32 {
  if (load<i32>(dstAt, 4) != load<i32>(srcAt, 4)) return cast(dstAt, srcAt);
  const dst = parse(0, dstAt, 0);
  const src = parse(1, srcAt, 0);
  if (dst.total != src.total) return BAD_SHAPE;
  if (dst.rank == 1 && src.rank == 1 && dst.step == dst.bytes && src.step == src.bytes) {
    memory.copy(dst.address, src.address, <usize>src.total * src.bytes);
    return OK;
  }
  if (!guard(src, dst, true)) return NO_ROOM;
  moveAll(dst, src);
  return OK;
}

/** dst = src through fp32, also when the types agree (NaN becomes canonical, 32-bit integers round). */
export function cast(dstAt: usize, srcAt: usize): i32 {
  const dst = parse(0, dstAt, 0);
  const src = parse(1, srcAt, 0);
  if (dst.total != src.total) return BAD_SHAPE;
  if (!readable(dst.dtype) || !readable(src.dtype)) return BAD_DTYPE;
  if (!guard(src, dst, true)) return NO_ROOM;
  const length = rowLength(2);
  for (let e: u32 = 0; e < dst.total; ) {
    const n = <i32>min<u32>(CHUNK, length - e % length);
    const values = fetch(src, e, n, src.step == 0 ? chunkAt(0) : target(dst, e, n, chunkAt(0)));
    if (fetchStep == 0) repeat(values, n);
    commit(dst, e, n, values);
    e += n;
  }
  return OK;
}

@inline function fillRun<T>(at: usize, step: i32, value: T, n: i32): void {
  for (; n > 0; n--) {
    store<T>(at, value);
    at += step;
  }
}

/** Every element of dst gets the low bits of `bits`. */
export function fill(dstAt: usize, bits: u32): i32 {
  const dst = parse(0, dstAt, 0);
  const bytes = dst.bytes;
  const v = bytes == 4 ? i32x4.splat(bits) : bytes == 2 ? i16x8.splat(<i16>bits) : i8x16.splat(<i8>bits);
  for (let left = dst.total; left > 0; left -= dst.run) {
    let at = dst.at;
    let n = dst.run;
    if (dst.step == bytes) {
      const vectors = <usize>n * bytes >> 4;
      for (let i: usize = 0; i < vectors; i++) {
        v128.store(at, v);
        at += 16;
      }
      n -= <i32>((vectors << 4) / bytes);
    }
    if (bytes == 4) fillRun<u32>(at, dst.step, bits, n);
    else if (bytes == 2) fillRun<u16>(at, dst.step, <u16>bits, n);
    else fillRun<u8>(at, dst.step, <u8>bits, n);
    nextRun(dst);
  }
  return OK;
}

/** Four lanes of ones where elements i .. i + 3 of the predicate are not zero, or are when `flip` is all ones. */
@inline function chosen(mask: usize, bytes: i32, i: usize, flip: v128): v128 {
  let x: v128;
  if (bytes == 1) x = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(mask + i)));
  else if (bytes == 2) x = v128.load16x4_u(mask + (i << 1));
  else x = v128.load(mask + (i << 2));
  return v128.xor(i32x4.ne(x, i32x4.splat(0)), flip);
}

/** n packed elements of `bytes` bytes at `old` become those at `fresh` where the predicate says so; whole vectors are read and written. */
function select(bytes: i32, old: usize, fresh: usize, mask: usize, maskBytes: i32, reverse: bool, n: i32): void {
  const flip = reverse ? i32x4.splat(-1) : i32x4.splat(0);
  const perVector: usize = 16 / bytes;
  for (let i: usize = 0; i < <usize>n; i += perVector) {
    let m = chosen(mask, maskBytes, i, flip);
    if (bytes <= 2) m = i16x8.narrow_i32x4_s(m, chosen(mask, maskBytes, i + 4, flip));
    if (bytes == 1) {
      const rest = i16x8.narrow_i32x4_s(chosen(mask, maskBytes, i + 8, flip), chosen(mask, maskBytes, i + 12, flip));
      m = i8x16.narrow_i16x8_s(m, rest);
    }
    const at = i * bytes;
    v128.store(old + at, v128.bitselect(v128.load(fresh + at), v128.load(old + at), m));
  }
}

/** dst = src where `predicate` (an integer tile) is not zero, or is zero when `reverse`; elsewhere dst stays. */
export function copyPredicated(dstAt: usize, srcAt: usize, predicateAt: usize, reverse: i32): i32 {
  const dst = parse(0, dstAt, 0);
  const src = parse(1, srcAt, 0);
  const predicate = parse(2, predicateAt, 0);
  if (dst.total != src.total || dst.total != predicate.total || dst.bytes != src.bytes) return BAD_SHAPE;
  if (!guard(src, dst, true) || !guard(predicate, dst, true)) return NO_ROOM;
  const old = chunkAt(0), fresh = chunkAt(1), mask = chunkAt(2);
  for (let e: u32 = 0; e < dst.total; e += CHUNK) {
    const n = <i32>min<u32>(CHUNK, dst.total - e);
    gather(dst, e, n, old);
    gather(src, e, n, fresh);
    gather(predicate, e, n, mask);
    select(dst.bytes, old, fresh, mask, predicate.bytes, reverse != 0, n);
    scatter(dst, e, n, old);
  }
  return OK;
}
