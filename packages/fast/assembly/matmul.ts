// nc_matmul: dst[M, N] (=|+=) stationary[K, M] transposed times moving[K, N]. Every output sums k in ascending order from zero, one fp32
// rounding per product and per sum. Both operands are converted and packed first: stationary in panels of four columns, moving in panels
// of eight, so that a 4 x 8 tile of sums stays in registers while k runs.
import { Operand, countOf, parse, strideOf } from "./operand";
import { PACK_K, PACK_N, chunkAt, packA, packB, tailAt } from "./layout";
import { guard } from "./move";
import { fetch, fetchStep, readable, repeat } from "./read";
import { commit } from "./write";
import { canonical, magnitude } from "./vector";
import { FEW, multiplyVectors, readableRows } from "./vector-matmul";
import { BAD_DTYPE, BAD_SHAPE, NO_ROOM, OK } from "./status";
import { DT_bfloat16, DT_float16, DT_float32, DT_float8_e4m3, DT_float8_e4m3fn, DT_float8_e5m2, DT_tfloat32 } from "../generated/tables";

/** Bytes of a panel for k rows: 64 more than the data, so that panels do not meet in the same cache sets. */
@inline function panelA(k: i32): usize { return (<usize>k << 4) + 64; }
@inline function panelB(k: i32): usize { return (<usize>k << 5) + 64; }

/** Largest magnitude packed, and smallest not zero (minus 1), as bit patterns; what `fusable` needs. */
let largest: v128 = i32x4.splat(0);
let smallest: v128 = i32x4.splat(-1);

/** Row k of an operand (n values at `src`) into panels of `width` columns, zero-padded to whole panels. */
@inline function packRow(src: usize, n: i32, dst: usize, panel: usize, width: i32): void {
  let high = largest;
  let low = smallest;
  const whole = n & ~3;
  const end = src + (<usize>whole << 2);
  let at = dst;
  let half = false;
  while (src < end) {
    const v = v128.load(src);
    v128.store(at, v);
    const a = magnitude(v);
    high = i32x4.max_u(high, a);
    low = i32x4.min_u(low, i32x4.sub(a, i32x4.splat(1)));
    src += 16;
    if (width == 4) at += panel;
    else {
      at = half ? at + panel - 16 : at + 16;
      half = !half;
    }
  }
  if (n > whole) {
    const tail = tailAt(0);
    v128.store(tail, i32x4.splat(0));
    for (let i = 0; i < n - whole; i++) store<u32>(tail + (<usize>i << 2), load<u32>(src + (<usize>i << 2)));
    const v = v128.load(tail);
    v128.store(at, v);
    const a = magnitude(v);
    high = i32x4.max_u(high, a);
    low = i32x4.min_u(low, i32x4.sub(a, i32x4.splat(1)));
    if (width == 8 && !half) v128.store(at, i32x4.splat(0), 16);
  } else if (width == 8 && half) v128.store(at, i32x4.splat(0));
  largest = high;
  smallest = low;
}

/** Columns first .. first + n - 1 of `op`, taken as k rows of `columns` elements. */
function packColumns(op: Operand, k: i32, columns: i32, first: i32, n: i32, dst: usize, width: i32): void {
  const panel = width == 4 ? panelA(k) : panelB(k);
  for (let i = 0; i < k; i++) {
    const src = fetch(op, <u32>(i * columns + first), n, chunkAt(0));
    if (fetchStep == 0) repeat(src, n);
    if (width == 4) packRow(src, n, dst + (<usize>i << 4), panel, 4);
    else packRow(src, n, dst + (<usize>i << 5), panel, 8);
  }
}

/** Starts following the magnitudes of what is packed. */
export function startPacking(): void {
  largest = i32x4.splat(0);
  smallest = i32x4.splat(-1);
}
/** Largest and smallest nonzero magnitude packed since then, as bit patterns. */
export function packedHigh(): u32 { return highest(largest); }
export function packedLow(): u32 { return lowest(smallest) + 1; }
/** Row `i` of k of the stationary operand: m packed fp32 values at `src`. */
export function packLeftRow(src: usize, m: i32, i: i32, k: i32): void { packRow(src, m, packA() + (<usize>i << 4), panelA(k), 4); }
/** Row `i` of k of the moving operand: n packed fp32 values at `src`. */
export function packRightRow(src: usize, n: i32, i: i32, k: i32): void { packRow(src, n, packB() + (<usize>i << 5), panelB(k), 8); }

function highest(v: v128): u32 {
  const a = max<u32>(i32x4.extract_lane(v, 0), i32x4.extract_lane(v, 1));
  return max<u32>(a, max<u32>(i32x4.extract_lane(v, 2), i32x4.extract_lane(v, 3)));
}
function lowest(v: v128): u32 {
  const a = min<u32>(i32x4.extract_lane(v, 0), i32x4.extract_lane(v, 1));
  return min<u32>(a, min<u32>(i32x4.extract_lane(v, 2), i32x4.extract_lane(v, 3)));
}

/** Mantissa bits of a type with the leading one, or 0 where products are not exact in fp32. */
function precision(dtype: i32): i32 {
  switch (dtype) {
    case DT_float8_e4m3: return 4;
    case DT_float8_e4m3fn: return 4;
    case DT_float8_e5m2: return 3;
    case DT_bfloat16: return 8;
    case DT_float16: return 11;
    case DT_tfloat32: return 11;
  }
  return 0;
}

/** One k step: the sum plus a product, rounded twice, or once where that is provably the same. */
@unmanaged class Plain { @inline of(sum: v128, a: v128, b: v128): v128 { return f32x4.add(sum, f32x4.mul(a, b)); } }
@unmanaged class Fused {
  @inline of(sum: v128, a: v128, b: v128): v128 {
    if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, sum);
    return f32x4.add(sum, f32x4.mul(a, b));
  }
}

/** The 4 x 8 tile of sums of one pair of panels, at `out` with `pitch` bytes between rows; added to what is there when `accumulate`. */
function tile<Step>(k: i32, a: usize, b: usize, out: usize, pitch: usize, accumulate: bool): void {
  let s00 = i32x4.splat(0), s01 = i32x4.splat(0), s10 = i32x4.splat(0), s11 = i32x4.splat(0);
  let s20 = i32x4.splat(0), s21 = i32x4.splat(0), s30 = i32x4.splat(0), s31 = i32x4.splat(0);
  const mad = changetype<Step>(0);
  const end = a + (<usize>k << 4);
  // Not unrolled: V8 moves all loads of the body to its start, and two steps of them no longer fit the registers.
  while (a < end) {
    const low = v128.load(b);
    const high = v128.load(b, 16);
    const x0 = v128.load32_splat(a);
    const x1 = v128.load32_splat(a, 4);
    const x2 = v128.load32_splat(a, 8);
    const x3 = v128.load32_splat(a, 12);
    s00 = mad.of(s00, x0, low);
    s01 = mad.of(s01, x0, high);
    s10 = mad.of(s10, x1, low);
    s11 = mad.of(s11, x1, high);
    s20 = mad.of(s20, x2, low);
    s21 = mad.of(s21, x2, high);
    s30 = mad.of(s30, x3, low);
    s31 = mad.of(s31, x3, high);
    a += 16;
    b += 32;
  }
  finishRow(out, s00, s01, accumulate);
  finishRow(out + pitch, s10, s11, accumulate);
  finishRow(out + 2 * pitch, s20, s21, accumulate);
  finishRow(out + 3 * pitch, s30, s31, accumulate);
}

@inline function finishRow(out: usize, low: v128, high: v128, accumulate: bool): void {
  if (accumulate) {
    low = f32x4.add(v128.load(out), low);
    high = f32x4.add(v128.load(out, 16), high);
  }
  v128.store(out, canonical(low));
  v128.store(out, canonical(high), 16);
}

/** Rows and columns of one tile that exist. */
function edge<Step>(dst: Operand, k: i32, a: usize, b: usize, row: i32, rows: i32, first: i32, columns: i32, width: i32, accumulate: bool): void {
  const sums = tailAt(10);
  tile<Step>(k, a, b, sums, 32, false);
  for (let r = 0; r < rows; r++) {
    const e = <u32>((row + r) * columns + first);
    const at = sums + (<usize>r << 5);
    if (accumulate) {
      const old = fetch(dst, e, width, chunkAt(0));
      for (let i: usize = 0; i < <usize>width << 2; i += 4) store<f32>(at + i, load<f32>(old + i) + load<f32>(at + i));
    }
    commit(dst, e, width, at);
  }
}

/** Columns first .. first + n - 1 of dst from what is packed: k rows of m and of n values. */
export function multiplyPacked(fused: bool, dst: Operand, k: i32, m: i32, columns: i32, first: i32, n: i32, accumulate: bool): void {
  if (ASC_FEATURE_RELAXED_SIMD && fused) multiply<Fused>(dst, k, m, columns, first, n, accumulate);
  else multiply<Plain>(dst, k, m, columns, first, n, accumulate);
}

function multiply<Step>(dst: Operand, k: i32, m: i32, columns: i32, first: i32, n: i32, accumulate: bool): void {
  // Whole tiles go straight to memory where rows of dst are plain fp32.
  const direct = dst.dtype == DT_float32 && dst.rank == 2 && dst.step == 4 && dst.run == columns;
  const pitch = strideOf(dst, 0);
  for (let j = 0; j < n; j += 8) {
    const b = packB() + <usize>(j >> 3) * panelB(k);
    for (let i = 0; i < m; i += 4) {
      const a = packA() + <usize>(i >> 2) * panelA(k);
      if (direct && i + 4 <= m && j + 8 <= n) tile<Step>(k, a, b, dst.address + i * pitch + (<usize>(first + j) << 2), pitch, accumulate);
      else edge<Step>(dst, k, a, b, i, min(4, m - i), first + j, columns, min(8, n - j), accumulate);
    }
  }
}

/**
 * dst = or, when `accumulate`, += stationary^T moving. The first `contracted` dimensions of the inputs are k (partition first, then the row
 * pair of double_row); the rest is M or N. dst has M partitions.
 */
export function matmul(dstAt: usize, stationaryAt: usize, movingAt: usize, contracted: i32, accumulate: i32): i32 {
  const dst = parse(0, dstAt, 1);
  const stationary = parse(1, stationaryAt, contracted);
  const moving = parse(2, movingAt, contracted);
  let k = 1;
  let same = 1;
  for (let d = 0; d < contracted; d++) {
    k *= countOf(stationary, d);
    same *= countOf(moving, d);
  }
  const m = countOf(dst, 0);
  if (k != same || k == 0 || k > PACK_K || m > 128 || m == 0) return BAD_SHAPE;
  const n = <i32>(dst.total / <u32>m);
  if (stationary.total != <u32>(k * m) || moving.total != <u32>(k * n)) return BAD_SHAPE;
  if (!readable(dst.dtype) || !readable(stationary.dtype) || !readable(moving.dtype)) return BAD_DTYPE;
  if (!guard(stationary, dst, false) || !guard(moving, dst, false)) return NO_ROOM;
  if (contracted == 1 && m <= FEW && readableRows(moving, n)) {
    multiplyVectors(dst, stationary, m, moving, k, n, n, accumulate != 0);
    return OK;
  }
  if (contracted == 1 && n == 1 && readableRows(stationary, m)) {
    multiplyVectors(dst, moving, 1, stationary, k, m, m, accumulate != 0);
    return OK;
  }
  const digits = precision(stationary.dtype);
  const exact = digits != 0 && precision(moving.dtype) != 0;
  startPacking();
  packColumns(stationary, k, m, 0, m, packA(), 4);
  const highA = packedHigh();
  const lowA = packedLow();
  for (let first = 0; first < n; first += PACK_N) {
    const width = min(PACK_N, n - first);
    startPacking();
    packColumns(moving, k, n, first, width, packB(), 8);
    const fused = exact && fusable(highA, lowA, packedHigh(), packedLow(), digits + precision(moving.dtype));
    multiplyPacked(fused, dst, k, m, n, first, width, accumulate != 0);
  }
  return OK;
}

/**
 * Whether no product of the operands can overflow or lose bits below 2^-149, given the largest and the smallest nonzero magnitude of each
 * (bit patterns) and the significant bits of a product: then fused and unfused steps round the same.
 */
export function fusable(highA: u32, lowA: u32, highB: u32, lowB: u32, digits: i32): bool {
  if (lowA == 0 || lowB == 0) return true;
  const top = <i32>(highA >> 23) + <i32>(highB >> 23) - 254;
  // The lowest bit of a product of p and q bits whose leading bits are 2^e and 2^f is at least 2^(e - p + 1 + f - q + 1); subnormals
  // count as 2^-126.
  const bottom = max(<i32>(lowA >> 23), 1) + max(<i32>(lowB >> 23), 1) - 254 - digits + 2;
  return top + 2 <= 127 && bottom >= -149;
}
