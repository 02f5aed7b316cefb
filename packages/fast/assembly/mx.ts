// Microscaling (MX): nc_matmul_mx and quantize_mx. A packed value holds four contraction elements; one power-of-two scale serves 8
// partitions x 4 elements and lies in the first four partitions of each quadrant (isa/src/ops/mx.ts). Elements times scales are exact in
// fp32 while scales stay within 2^-100 .. 2^100; beyond that products are made in double, as the reference makes them.
import { Operand, countOf, parse } from "./operand";
import { CHUNK, PACK_MX_K, PACK_MX_N, chunkAt, packA, packB, rowAt } from "./layout";
import { fusable, multiplyPacked, packLeftRow, packRightRow, packedHigh, packedLow, startPacking } from "./matmul";
import { gather, guard, scatter } from "./move";
import { E2M1, E4M3FN, E5M2, fetch, fetchStep, readable, repeat } from "./read";
import { commit, fromFp32 } from "./write";
import { magnitude } from "./vector";
import { BAD_DTYPE, BAD_SHAPE, NO_ROOM, OK } from "./status";
import { DT_float4_e2m1fn_x4, DT_float8_e4m3fn, DT_float8_e4m3fn_x4, DT_float8_e5m2, DT_float8_e5m2_x4 } from "../generated/tables";

const GROUP_ROWS: i32 = 8;
/** Scale bytes between which an element times its scale is a normal fp32 number. */
const LEAST: u32 = 27;
const MOST: u32 = 227;

/** Partition of the scale tile that holds the scale of partition `p`. */
@inline function scaleRow(p: i32): i32 { return (p >> 5 << 5) + ((p & 31) >> 3); }
/** Significant bits of an element, the leading one included. */
@inline function digitsOf(dtype: i32): i32 { return dtype == DT_float8_e4m3fn_x4 ? 4 : dtype == DT_float8_e5m2_x4 ? 3 : 2; }
@inline function isPacked(dtype: i32): bool {
  return dtype == DT_float8_e4m3fn_x4 || dtype == DT_float8_e5m2_x4 || dtype == DT_float4_e2m1fn_x4;
}
/** 2^(byte - 127), NaN for 255. */
@inline function factor(byte: u32): f64 { return byte == 255 ? NaN : reinterpret<f64>((<u64>byte + 896) << 52); }

/** Four packed columns at `src` as four rows of fp32 at `dst`, one row apart for each element, times `scales`. */
@inline function unpackFour<Type>(v: v128, bits: i32, mask: i32, dst: usize, row: usize, scales: v128): void {
  const four = changetype<Type>(0);
  v128.store(dst, f32x4.mul(four.of(v128.and(v, i32x4.splat(mask))), scales));
  v128.store(dst + row, f32x4.mul(four.of(v128.and(i32x4.shr_u(v, bits), i32x4.splat(mask))), scales));
  v128.store(dst + 2 * row, f32x4.mul(four.of(v128.and(i32x4.shr_u(v, 2 * bits), i32x4.splat(mask))), scales));
  v128.store(dst + 3 * row, f32x4.mul(four.of(v128.and(i32x4.shr_u(v, 3 * bits), i32x4.splat(mask))), scales));
}

/** n packed values at `src` (readable to a multiple of four) as four rows of fp32, `row` bytes apart. */
function unpack(dtype: i32, src: usize, n: i32, dst: usize, row: usize, scales: usize): void {
  for (let i = 0; i < n; i += 4) {
    const s = v128.load(scales);
    if (dtype == DT_float8_e4m3fn_x4) unpackFour<E4M3FN>(v128.load(src), 8, 255, dst, row, s);
    else if (dtype == DT_float8_e5m2_x4) unpackFour<E5M2>(v128.load(src), 8, 255, dst, row, s);
    else unpackFour<E2M1>(v128.load16x4_u(src), 4, 15, dst, row, s);
    src += dtype == DT_float4_e2m1fn_x4 ? 8 : 16;
    dst += 16;
    scales += 16;
  }
}

/** Factors of columns first .. first + n - 1 of scale row `row` as fp32 at `dst`, those out of range as 1. Whether all are in range. */
function scalesOf(scale: Operand, row: i32, columns: i32, first: i32, n: i32, dst: usize): bool {
  const bytes = chunkAt(7);
  gather(scale, <u32>(scaleRow(row) * columns + first), n, bytes);
  let fine = true;
  for (let i = 0; i < n; i++) {
    const byte = <u32>load<u8>(bytes + i);
    const inside = byte - LEAST <= MOST - LEAST;
    fine = fine && inside;
    store<u32>(dst + (<usize>i << 2), inside ? byte << 23 : 0x3f800000);
  }
  for (let i = n; i < ((n + 3) & ~3); i++) store<u32>(dst + (<usize>i << 2), 0x3f800000);
  return fine;
}

/** Whether every scale that `rows` partitions read is in range. */
function inside(scale: Operand, rows: i32, columns: i32): bool {
  const bytes = chunkAt(7);
  for (let p = 0; p < rows; p += GROUP_ROWS)
    for (let first = 0; first < columns; first += CHUNK) {
      const n = min(CHUNK, columns - first);
      gather(scale, <u32>(scaleRow(p) * columns + first), n, bytes);
      for (let i = 0; i < n; i++) if (<u32>load<u8>(bytes + i) - LEAST > MOST - LEAST) return false;
    }
  return true;
}

/** Whether all elements whose scale is out of range are zero, and no scale is NaN: then the products are zeros whatever the scale. */
function zeroOutside(n: i32, values: usize, row: usize): bool {
  const bytes = chunkAt(7);
  for (let i = 0; i < n; i++) {
    const byte = <u32>load<u8>(bytes + i);
    if (byte - LEAST <= MOST - LEAST) continue;
    if (byte == 255) return false;
    for (let j: usize = 0; j < 4; j++) if ((load<u32>(values + j * row + (<usize>i << 2)) & 0x7fffffff) != 0) return false;
  }
  return true;
}

/** Packs columns first .. first + n - 1 of an operand; false when a scale asks for more than fp32. */
function packMx(op: Operand, scale: Operand, rows: i32, columns: i32, first: i32, n: i32, left: bool): bool {
  const values = chunkAt(1);
  const row = chunkAt(2) - values;
  const raw = chunkAt(5);
  const factors = chunkAt(6);
  const dtype = op.dtype;
  const k = rows * 4;
  let fine = true;
  for (let p = 0; p < rows; p++) {
    if ((p & (GROUP_ROWS - 1)) == 0) fine = scalesOf(scale, p, columns, first, n, factors);
    gather(op, <u32>(p * columns + first), n, raw);
    unpack(dtype, raw, n, values, row, factors);
    if (!fine && !zeroOutside(n, values, row)) return false;
    for (let j = 0; j < 4; j++) {
      if (left) packLeftRow(values + j * row, n, 4 * p + j, k);
      else packRightRow(values + j * row, n, 4 * p + j, k);
    }
  }
  return true;
}

/** Columns first .. first + n - 1 of an operand as double at `dst`, each column's k values in a row. */
function expand(op: Operand, scale: Operand, rows: i32, columns: i32, first: i32, n: i32, dst: usize): void {
  const values = chunkAt(1);
  const row = chunkAt(2) - values;
  const raw = chunkAt(5);
  const ones = chunkAt(6);
  for (let i = 0; i < ((n + 3) & ~3); i++) store<f32>(ones + (<usize>i << 2), 1);
  const pitch = <usize>rows << 5;
  for (let p = 0; p < rows; p++) {
    gather(op, <u32>(p * columns + first), n, raw);
    unpack(op.dtype, raw, n, values, row, ones);
    const bytes = chunkAt(7);
    gather(scale, <u32>(scaleRow(p) * columns + first), n, bytes);
    for (let i = 0; i < n; i++) {
      const f = factor(load<u8>(bytes + i));
      const at = dst + <usize>i * pitch + (<usize>p << 5);
      for (let j: usize = 0; j < 4; j++) store<f64>(at + (j << 3), <f64>load<f32>(values + j * row + (<usize>i << 2)) * f);
    }
  }
}

/** The whole product in double, rounded as the reference rounds it. `expand` leaves left in packB, 64 columns of right in packA. */
function multiplyWide(dst: Operand, s: Operand, sScale: Operand, t: Operand, tScale: Operand, rows: i32, m: i32, n: i32, accumulate: bool): void {
  const k = rows * 4;
  const pitch = <usize>k << 3;
  expand(s, sScale, rows, m, 0, m, packB());
  const sums = chunkAt(3);
  for (let first = 0; first < n; first += 64) {
    const width = min(64, n - first);
    expand(t, tScale, rows, n, first, width, packA());
    for (let i = 0; i < m; i++) {
      const e = <u32>(i * n + first);
      for (let c = 0; c < width; c++) {
        const a = packB() + <usize>i * pitch;
        const b = packA() + <usize>c * pitch;
        let sum: f32 = 0;
        for (let at: usize = 0; at < pitch; at += 8) sum += <f32>(load<f64>(a + at) * load<f64>(b + at));
        store<f32>(sums + (<usize>c << 2), sum);
      }
      if (accumulate) {
        const old = fetch(dst, e, width, chunkAt(0));
        if (fetchStep == 0) repeat(old, width);
        for (let c: usize = 0; c < <usize>width << 2; c += 4) store<f32>(sums + c, load<f32>(old + c) + load<f32>(sums + c));
      }
      commit(dst, e, width, sums);
    }
  }
}

/** dst = or, when `accumulate`, += stationary^T moving for packed operands of `rows` partitions, four contraction elements each. */
export function matmulMx(dstAt: usize, stationaryAt: usize, movingAt: usize, stationaryScaleAt: usize, movingScaleAt: usize, accumulate: i32): i32 {
  const dst = parse(0, dstAt, 1);
  const s = parse(1, stationaryAt, 1);
  const t = parse(2, movingAt, 1);
  const sScale = parse(3, stationaryScaleAt, 1);
  const tScale = parse(4, movingScaleAt, 1);
  const rows = countOf(s, 0);
  const m = countOf(dst, 0);
  if (rows != countOf(t, 0) || rows == 0 || rows * 4 > PACK_MX_K || m == 0 || m > 128) return BAD_SHAPE;
  const n = <i32>(dst.total / <u32>m);
  if (s.total != <u32>(rows * m) || t.total != <u32>(rows * n)) return BAD_SHAPE;
  if (!isPacked(s.dtype) || !isPacked(t.dtype) || !readable(dst.dtype)) return BAD_DTYPE;
  if (!guard(s, dst, false) || !guard(t, dst, false) || !guard(sScale, dst, false) || !guard(tScale, dst, false)) return NO_ROOM;
  const k = rows * 4;
  startPacking();
  let fine = packMx(s, sScale, rows, m, 0, m, true);
  const highA = packedHigh();
  const lowA = packedLow();
  // All columns are looked at before any is written, so that a scale out of range is found in time.
  const scan = n > PACK_MX_N && !inside(tScale, rows, n);
  for (let first = 0; scan && fine && first < n; first += PACK_MX_N)
    fine = packMx(t, tScale, rows, n, first, min(PACK_MX_N, n - first), false);
  for (let first = 0; fine && first < n; first += PACK_MX_N) {
    const width = min(PACK_MX_N, n - first);
    startPacking();
    fine = packMx(t, tScale, rows, n, first, width, false);
    if (!fine) break;
    const fused = fusable(highA, lowA, packedHigh(), packedLow(), digitsOf(s.dtype) + digitsOf(t.dtype));
    multiplyPacked(fused, dst, k, m, n, first, width, accumulate != 0);
  }
  if (!fine) multiplyWide(dst, s, sScale, t, tScale, rows, m, n, accumulate != 0);
  return OK;
}

/** Exponent of a group's scale: floor(log2 of the largest magnitude) - (Emax - 1), at least -127. */
@inline function scaleExponent(bits: u32, top: i32): i32 { return max(-127, <i32>(bits >> 23) - 127 - (top - 1)); }

/** dst, scale = src [P, F] in MXFP8: [P, F / 4] packed values, four scale rows of each quadrant. */
export function quantizeMx(dstAt: usize, srcAt: usize, scaleAt: usize): i32 {
  const dst = parse(0, dstAt, 1);
  const src = parse(1, srcAt, 1);
  const scale = parse(2, scaleAt, 1);
  const rows = countOf(src, 0);
  if (rows == 0 || (rows & 31) != 0 || countOf(dst, 0) != rows) return BAD_SHAPE;
  const free = <i32>(src.total / <u32>rows);
  const columns = free >> 2;
  if ((free & 3) != 0 || dst.total != <u32>(rows * columns)) return BAD_SHAPE;
  if (!readable(src.dtype)) return BAD_DTYPE;
  const wide = dst.dtype == DT_float8_e5m2_x4;
  if (!wide && dst.dtype != DT_float8_e4m3fn_x4) return BAD_DTYPE;
  if (!guard(src, dst, false) || !guard(src, scale, false)) return NO_ROOM;
  const element = wide ? DT_float8_e5m2 : DT_float8_e4m3fn;
  const top = wide ? 15 : 8;
  const bytes = chunkAt(6);
  const packed = chunkAt(5);
  for (let row = 0; row < rows; row += GROUP_ROWS)
    for (let c = 0; c < columns; c += 128) {
      const width = min(128, columns - c);
      for (let r = 0; r < GROUP_ROWS; r++) {
        const to = rowAt(r);
        const at = fetch(src, <u32>((row + r) * free + 4 * c), 4 * width, to);
        if (fetchStep == 0) repeat(at, 4 * width);
        if (at != to) memory.copy(to, at, <usize>width << 4);
      }
      for (let i = 0; i < width; i++) {
        const offset = <usize>i << 4;
        let high = magnitude(v128.load(rowAt(0) + offset));
        for (let r = 1; r < GROUP_ROWS; r++) high = i32x4.max_u(high, magnitude(v128.load(rowAt(r) + offset)));
        const bits = max<u32>(
          max<u32>(i32x4.extract_lane(high, 0), i32x4.extract_lane(high, 1)),
          max<u32>(i32x4.extract_lane(high, 2), i32x4.extract_lane(high, 3)),
        );
        const finite = bits < 0x7f800000;
        const e = finite ? scaleExponent(bits, top) : 128;
        store<u8>(bytes + i, <u8>(e + 127));
        // Exact: what underflows fp32 rounds to zero in eight bits too.
        const inverse = f32x4.splat(finite ? reinterpret<f32>(<u32>(127 - e) << 23) : NaN);
        for (let r = 0; r < GROUP_ROWS; r++) {
          const at = rowAt(r) + offset;
          v128.store(at, f32x4.mul(v128.load(at), inverse));
        }
      }
      scatter(scale, <u32>(scaleRow(row) * columns + c), width, bytes);
      for (let r = 0; r < GROUP_ROWS; r++) {
        fromFp32(element, 1, rowAt(r), packed, 4 * width);
        scatter(dst, <u32>((row + r) * columns + c), width, packed);
      }
    }
  return OK;
}
